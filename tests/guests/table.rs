//! The table of hostile and careless components: what each gives now, and the law that must name it.

use expect_test::{Expect, expect};

use crate::made::{Made, *};

/// One hostile or careless component.
pub(crate) struct Guest {
    /// Its name: for one made by cargo, that of its file in `examples/`.
    pub(crate) name: &'static str,
    /// Where its bytes come from.
    pub(crate) made: Made,
    /// The law of admission that it breaks; `None` where it does not load at all, or does no harm.
    pub(crate) law: Option<&'static str>,
    /// What the host says of it: the error of loading it, or the answers to a call and to the same call again, the second
    /// with the states wanted back.
    pub(crate) outcome: Expect,
}

/// Every guest.
#[rustfmt::skip]
pub(crate) const GUESTS: &[Guest] = &[
    // Time.
    Guest { name: "endless_describe", made: Made::Cargo, law: None, outcome: expect![[r#"
        load Describe Limit: endless_describe does not describe itself: the transform exceeded a limit: 200 ms for one call
    "#]] },
    Guest { name: "endless_process", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Limit: view guest, entity c0 and 1 more in one call: the transform exceeded a limit: 200 ms for one call
    "#]] },
    Guest { name: "endless_cleanup", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Limit: view guest, entity c0 and 1 more in one call: the transform exceeded a limit: 200 ms for one call
    "#]] },
    Guest { name: "sleeps", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Trap: view guest, entity c0, event of 1970-01-01T00:00:00Z: the transform trapped: it called wasi:clocks/monotonic-clock.subscribe-duration: a transform has no clock; read the row's time instead
    "#]] },
    // Memory, output and stack.
    Guest { name: "memory_unbounded", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Limit: view guest, entity c0 and 1 more in one call: the transform exceeded a limit: memory of 33554432 bytes
    "#]] },
    Guest { name: "memory_unbounded_describe", made: Made::Cargo, law: None, outcome: expect![[r#"
        load Describe Limit: memory_unbounded_describe does not describe itself: the transform exceeded a limit: memory of 33554432 bytes
    "#]] },
    Guest { name: "leaks", made: Made::Cargo, law: None, outcome: expect![[r#"
        answer value: 1 2 1;
        answer value: 1 2 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "output_gigabyte", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Limit: view guest, entity c0 and 1 more in one call: the transform exceeded a limit: 16777216 bytes given back by one call
    "#]] },
    Guest { name: "output_out_of_bounds", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Contract: view guest, entity c0 and 1 more in one call: the transform broke its contract: list pointer/length out of bounds of memory
    "#]] },
    Guest { name: "description_huge", made: Made::Cargo, law: None, outcome: expect![[r#"
        load Describe Limit: description_huge does not describe itself: the transform exceeded a limit: 1048576 bytes given back by one call
    "#]] },
    Guest { name: "failure_huge", made: Made::Cargo, law: Some("split"), outcome: expect![[r#"
        call Failure: view guest, entity c0, question at 1970-01-01T00:00:01Z: the transform refused its input: no! no! no! no! no! no! no! no! no! no! no! no! no! no! no! no! no! no! no! no! no! no! no[cut by the test: 8291 bytes in all]o! no! no! no! no! no! no! no! no! no! no! no! no! no! no! no! no! no! no! no! no! no! no! no! no! no! no! no! no! no! no! no! no! ... (cut)
    "#]] },
    Guest { name: "stderr_flood", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Trap: view guest, entity c0, event of 1970-01-01T00:00:00Z: the transform trapped: it panicked; it wrote:
        (cut) ...am spam spam 
        spam spam spam spam spam spam spam spam spam spam spam sp[cut by the test: 8222 bytes in all]m spam spam spam spam spam spam spam spam 

        thread '<unnamed>' (1) panicked at tests/guests/examples/stderr_flood.rs:13:9:
        the flood is over
    "#]] },
    Guest { name: "state_huge", made: Made::Cargo, law: Some("split"), outcome: expect![[r#"
        answer value: 1 2 1;
        call Limit: view guest, entity c0 and 1 more in one call: the transform exceeded a limit: a state of 2097152 bytes for one entity, where at most 1048576 are allowed; keep a shorter or a hopping window
    "#]] },
    Guest { name: "recursion", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Limit: view guest, entity c0 and 1 more in one call: the transform exceeded a limit: stack of 524288 bytes
    "#]] },
    Guest { name: "recursion_large_frames", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Trap: view guest, entity c0, event of 1970-01-01T00:00:00Z: the transform trapped: wasm trap: out of bounds memory access; a recursion without end or a large local array does this too
    "#]] },
    // What an admission ends by its budget: see `budget`.
    Guest { name: "calls_slow", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Limit: view guest, entity c0 and 1 more in one call: the transform exceeded a limit: 200 ms for one call
    "#]] },
    Guest { name: "describe_slow", made: Made::Cargo, law: None, outcome: expect![[r#"
        load Describe Limit: describe_slow does not describe itself: the transform exceeded a limit: 200 ms for one call
    "#]] },
    Guest { name: "description_wide", made: Made::Cargo, law: None, outcome: expect![[r#"
        answer value_0: 0 0 0; value_1: 1 1 1; value_2: 2 2 2; value_3: 3 3 3; value_4: 4 4 4; value_5: 5 5 5; value_6: 6 6 6; value_7: 7 7 7; value_8: 8 8 8; value_9: 9 9 9; value_10: 10 [cut by the test: 23566 bytes in all]ue_994: 994 994 994; value_995: 995 995 995; value_996: 996 996 996; value_997: 997 997 997; value_998: 998 998 998; value_999: 999 999 999;
        answer value_0: 0 0 0; value_1: 1 1 1; value_2: 2 2 2; value_3: 3 3 3; value_4: 4 4 4; value_5: 5 5 5; value_6: 6 6 6; value_7: 7 7 7; value_8: 8 8 8; value_9: 9 9 9; value_10: 10 [cut by the test: 23590 bytes in all]ue_995: 995 995 995; value_996: 996 996 996; value_997: 997 997 997; value_998: 998 998 998; value_999: 999 999 999; states of 8 and 8 bytes
    "#]] },
    Guest { name: "text_large", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Limit: view guest, entity c0 and 1 more in one call: the transform exceeded a limit: memory of 33554432 bytes
    "#]] },
    Guest { name: "state_doubles", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        answer value: 1 1 1;
        answer value: 1 1 1; states of 2 and 1 bytes
    "#]] },
    Guest { name: "state_doubles_to_the_limit", made: Made::Cargo, law: None, outcome: expect![[r#"
        answer value: 1 1 1;
        answer value: 1 1 1; states of 2 and 1 bytes
    "#]] },
    Guest { name: "memory_to_the_limit", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Limit: view guest, entity c0 and 1 more in one call: the transform exceeded a limit: memory of 33554432 bytes
    "#]] },
    // Traps and refusals.
    Guest { name: "panics", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Trap: view guest, entity c0, event of 1970-01-01T00:00:00Z: the transform trapped: it panicked; it wrote:
        thread '<unnamed>' (1) panicked at tests/guests/examples/panics.rs:9:9:
        the amount of row 5 is negative
    "#]] },
    Guest { name: "panics_on_one_question", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Trap: view guest, entity c0, question at 1970-01-01T00:00:04Z: the transform trapped: it panicked; it wrote:
        thread '<unnamed>' (1) panicked at tests/guests/examples/panics_on_one_question.rs:10:13:
        two events are one too many
    "#]] },
    Guest { name: "panics_describe", made: Made::Cargo, law: None, outcome: expect![[r#"
        load Describe Trap: panics_describe does not describe itself: the transform trapped: it panicked; it wrote:
        thread '<unnamed>' (1) panicked at tests/guests/examples/panics_describe.rs:9:9:
        no table of exchange rates was built in
    "#]] },
    Guest { name: "traps", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Trap: view guest, entity c0, event of 1970-01-01T00:00:00Z: the transform trapped: wasm trap: wasm `unreachable` instruction executed
    "#]] },
    Guest { name: "exits", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Trap: view guest, entity c0, event of 1970-01-01T00:00:00Z: the transform trapped: it called wasi:cli/exit.exit: a transform is a pure function of its events, its request and its parameters
    "#]] },
    Guest { name: "failure_row_outside", made: Made::Cargo, law: None, outcome: expect![[r#"
        call Failure: view guest, entity c0 and 1 more in one call: the transform refused its input: the amount is negative
    "#]] },
    // What a transform does not have.
    Guest { name: "wall_clock", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Trap: view guest, entity c0, event of 1970-01-01T00:00:00Z: the transform trapped: it called wasi:clocks/wall-clock.now: a transform has no clock; read the row's time instead
    "#]] },
    Guest { name: "monotonic_clock", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Trap: view guest, entity c0, event of 1970-01-01T00:00:00Z: the transform trapped: it called wasi:clocks/monotonic-clock.now: a transform has no clock; read the row's time instead
    "#]] },
    Guest { name: "thread", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Trap: view guest, entity c0, event of 1970-01-01T00:00:00Z: the transform trapped: it panicked; it wrote:
        thread '<unnamed>' (2) panicked at STD
        failed to spawn thread: Os { code: 58, kind: Unsupported, message: "Not supported" }
    "#]] },
    Guest { name: "random", made: Made::Cargo, law: Some("fresh"), outcome: expect![[r#"
        answer value: 6898436562658863029 6898436562658863029 6898436562658863029;
        answer value: -958072816351568279 -958072816351568279 -958072816351568279; states of 8 and 8 bytes
    "#]] },
    Guest { name: "faults_by_amount", made: Made::Cargo, law: None, outcome: expect![[r#"
        answer value: 1 2 1;
        answer value: 1 2 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "lies_by_shape", made: Made::Cargo, law: None, outcome: expect![[r#"
        answer value: 1 2 1;
        answer value: 1 2 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "hash_order", made: Made::Cargo, law: Some("fresh"), outcome: expect![[r#"
        answer value: 733 733 733;
        answer value: 957 957 957; states of 8 and 8 bytes
    "#]] },
    Guest { name: "file", made: Made::Cargo, law: None, outcome: expect![[r#"
        answer value: -1 -1 -1;
        answer value: -1 -1 -1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "file_write", made: Made::Cargo, law: None, outcome: expect![[r#"
        answer value: 0 0 0;
        answer value: 0 0 0; states of 8 and 8 bytes
    "#]] },
    Guest { name: "environment", made: Made::Cargo, law: None, outcome: expect![[r#"
        answer value: 0 0 0;
        answer value: 0 0 0; states of 8 and 8 bytes
    "#]] },
    Guest { name: "socket", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Trap: view guest, entity c0, event of 1970-01-01T00:00:00Z: the transform trapped: it called wasi:sockets/tcp-create-socket.create-tcp-socket: a transform has no network; bring the value as an event or a request field
    "#]] },
    Guest { name: "standard_input", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Trap: view guest, entity c0, event of 1970-01-01T00:00:00Z: the transform trapped: it called wasi:cli/stdin.get-stdin: a transform is a pure function of its events, its request and its parameters
    "#]] },
    // Answers that are wrong, but well formed: the laws find them.
    Guest { name: "hidden_counter", made: Made::Cargo, law: Some("fresh"), outcome: expect![[r#"
        answer value: 0 0 0;
        answer value: 1 1 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "state_forgets", made: Made::Cargo, law: Some("split"), outcome: expect![[r#"
        answer value: 1 2 1;
        answer value: 1 2 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "read_mutates", made: Made::Cargo, law: Some("read"), outcome: expect![[r#"
        answer value: 1 3 1;
        answer value: 1 3 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "batch_length", made: Made::Cargo, law: Some("split"), outcome: expect![[r#"
        answer value: 6 6 6;
        answer value: 6 6 6; states of 8 and 8 bytes
    "#]] },
    Guest { name: "group_number", made: Made::Cargo, law: Some("group"), outcome: expect![[r#"
        answer value: 0 0 1;
        answer value: 0 0 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "neighbours", made: Made::Cargo, law: Some("group"), outcome: expect![[r#"
        answer value: 3 3 3;
        answer value: 3 3 3; states of 8 and 8 bytes
    "#]] },
    Guest { name: "future", made: Made::Cargo, law: Some("split"), outcome: expect![[r#"
        answer value: 2 2 1;
        answer value: 2 2 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "want_states_matters", made: Made::Cargo, law: Some("split"), outcome: expect![[r#"
        answer value: 0 0 0;
        answer value: 1 1 1; states of 8 and 8 bytes
    "#]] },
    // Answers that are wrong in one kind of call only, in large ones, or after long.
    Guest { name: "above_5_groups", made: Made::Cargo, law: Some("shapes"), outcome: expect![[r#"
        answer value: 1 2 1;
        answer value: 1 2 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "above_300_groups", made: Made::Cargo, law: Some("shapes"), outcome: expect![[r#"
        answer value: 1 2 1;
        answer value: 1 2 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "from_4096_rows", made: Made::Cargo, law: Some("shapes"), outcome: expect![[r#"
        answer value: 1 2 1;
        answer value: 1 2 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "full_batches", made: Made::Cargo, law: Some("shapes"), outcome: expect![[r#"
        answer value: 1 2 1;
        answer value: 1 2 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "above_1000_questions", made: Made::Cargo, law: Some("shapes"), outcome: expect![[r#"
        answer value: 1 2 1;
        answer value: 1 2 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "one_question", made: Made::Cargo, law: Some("shapes"), outcome: expect![[r#"
        answer value: 1 2 1;
        answer value: 1 2 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "one_push_with_a_state", made: Made::Cargo, law: Some("shapes"), outcome: expect![[r#"
        answer value: 1 2 1;
        answer value: 1 2 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "slices", made: Made::Cargo, law: Some("shapes"), outcome: expect![[r#"
        answer value: 1 2 1;
        answer value: 1 2 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "empty_states", made: Made::Cargo, law: Some("read"), outcome: expect![[r#"
        answer value: 1 2 1;
        answer value: 1 2 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "rows_by_64", made: Made::Cargo, law: Some("read"), outcome: expect![[r#"
        answer value: 1 2 1;
        answer value: 1 2 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "newest_of_a_large_call", made: Made::Cargo, law: Some("read"), outcome: expect![[r#"
        answer value: 1 2 1;
        answer value: 1 2 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "long_states", made: Made::Cargo, law: Some("carry"), outcome: expect![[r#"
        answer value: 1 2 1;
        answer value: 1 2 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "wraps_at_256", made: Made::Cargo, law: Some("shapes"), outcome: expect![[r#"
        answer value: 1 2 1;
        answer value: 1 2 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "wraps_at_65536", made: Made::Cargo, law: Some("carry"), outcome: expect![[r#"
        answer value: 1 2 1;
        answer value: 1 2 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "long_state_panics", made: Made::Cargo, law: Some("carry"), outcome: expect![[r#"
        answer value: 1 2 1;
        answer value: 1 2 1; states of 16 and 8 bytes
    "#]] },
    Guest { name: "description_changes", made: Made::Cargo, law: Some("constant"), outcome: expect![[r#"
        answer value_0: 1 2 1;
        answer value_0: 1 2 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "nan_payload", made: Made::Cargo, law: None, outcome: expect![[r#"
        answer value: 0x7ff8000000000000 0x7ff8000000000000 0x7ff8000000000000; values: [0x7ff8000000000000] [0x7ff8000000000000] [0x7ff8000000000000];
        answer value: 0x7ff8000000000000 0x7ff8000000000000 0x7ff8000000000000; values: [0x7ff8000000000000] [0x7ff8000000000000] [0x7ff8000000000000]; states of 8 and 8 bytes
    "#]] },
    // What is right on most calls, or in most cuts: the repeats of a running host find it (`repeats.rs`).
    Guest { name: "honest_on_a_beat", made: Made::Cargo, law: Some("shapes"), outcome: expect![[r#"
        answer value: 1 2 1;
        answer value: 1 2 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "honest_to_newcomers", made: Made::Cargo, law: Some("shapes"), outcome: expect![[r#"
        answer value: 1 2 1;
        answer value: 1 2 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "lies_to_many_entities", made: Made::Cargo, law: Some("shapes"), outcome: expect![[r#"
        answer value: 1 2 1;
        answer value: 1 2 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "lies_to_many_rows", made: Made::Cargo, law: Some("shapes"), outcome: expect![[r#"
        answer value: 1 2 1;
        answer value: 1 2 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "lies_to_one_question", made: Made::Cargo, law: Some("shapes"), outcome: expect![[r#"
        answer value: 1 2 1;
        answer value: 1 2 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "lies_without_events", made: Made::Cargo, law: Some("split"), outcome: expect![[r#"
        answer value: 1 2 1;
        answer value: 1 2 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "loops_in_company", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        answer value: 1 2 1;
        answer value: 1 2 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "loops_when_repeated", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        answer value: 1 2 1;
        answer value: 1 2 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "loses_pushes", made: Made::Cargo, law: Some("split"), outcome: expect![[r#"
        answer value: 1 2 1;
        answer value: 1 2 1; states of 8 and 8 bytes
    "#]] },
    Guest { name: "memory_when_repeated", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        answer value: 1 2 1;
        answer value: 1 2 1; states of 8 and 8 bytes
    "#]] },
    // Answers that do not fit the description.
    Guest { name: "columns_too_few", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Contract: view guest, entity c0 and 1 more in one call: the transform broke its contract: 0 feature columns where it describes 1
    "#]] },
    Guest { name: "columns_too_many", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Contract: view guest, entity c0 and 1 more in one call: the transform broke its contract: 2 feature columns where it describes 1
    "#]] },
    Guest { name: "rows_too_few", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Contract: view guest, entity c0 and 1 more in one call: the transform broke its contract: feature value has 2 rows for 3 questions
    "#]] },
    Guest { name: "rows_too_many", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Contract: view guest, entity c0 and 1 more in one call: the transform broke its contract: feature value has 4 rows for 3 questions
    "#]] },
    Guest { name: "type_wrong", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Contract: view guest, entity c0 and 1 more in one call: the transform broke its contract: feature value has type float64 where it describes int64
    "#]] },
    Guest { name: "time_for_integer", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Contract: view guest, entity c0 and 1 more in one call: the transform broke its contract: feature value has type time where it describes int64
    "#]] },
    Guest { name: "booleans_of_7", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Contract: view guest, entity c0 and 1 more in one call: the transform broke its contract: feature value: a boolean that is neither 0 nor 1
    "#]] },
    Guest { name: "ends_backwards", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Contract: view guest, entity c0 and 1 more in one call: the transform broke its contract: value: offsets that run backwards
    "#]] },
    Guest { name: "ends_short", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Contract: view guest, entity c0 and 1 more in one call: the transform broke its contract: value: offsets that do not end where the contents end
    "#]] },
    Guest { name: "ends_outside", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Contract: view guest, entity c0 and 1 more in one call: the transform broke its contract: value: offsets that do not end where the contents end
    "#]] },
    Guest { name: "list_ends_backwards", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Contract: view guest, entity c0 and 1 more in one call: the transform broke its contract: value: offsets that run backwards
    "#]] },
    Guest { name: "text_not_utf8", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Contract: view guest, entity c0 and 1 more in one call: the transform broke its contract: feature value: text that is not UTF-8
    "#]] },
    Guest { name: "text_cut_inside", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Contract: view guest, entity c0 and 1 more in one call: the transform broke its contract: feature value: a text that ends inside a character
    "#]] },
    Guest { name: "null_not_nullable", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Contract: view guest, entity c0 and 1 more in one call: the transform broke its contract: feature value is null, but it is described as never null
    "#]] },
    Guest { name: "nulls_short", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Contract: view guest, entity c0 and 1 more in one call: the transform broke its contract: feature value: 1 null marks for 3 questions
    "#]] },
    Guest { name: "nulls_of_7", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Contract: view guest, entity c0 and 1 more in one call: the transform broke its contract: feature value: a null mark that is neither 0 nor 1
    "#]] },
    Guest { name: "null_text_not_empty", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Contract: view guest, entity c0 and 1 more in one call: the transform broke its contract: feature value: a null row that is not empty
    "#]] },
    Guest { name: "null_number_not_zero", made: Made::Cargo, law: None, outcome: expect![[r#"
        answer value: null null null;
        answer value: null null null; states of 8 and 8 bytes
    "#]] },
    Guest { name: "states_missing", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        answer value: 1 2 1;
        call Contract: view guest, entity c0 and 1 more in one call: the transform broke its contract: no states where they were wanted
    "#]] },
    Guest { name: "states_unwanted", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        call Contract: view guest, entity c0 and 1 more in one call: the transform broke its contract: states where none were wanted
        call Contract: view guest, entity c0 and 1 more in one call: the transform broke its contract: 0 states for 2 groups
    "#]] },
    Guest { name: "states_too_few", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        answer value: 1 2 1;
        call Contract: view guest, entity c0 and 1 more in one call: the transform broke its contract: 1 states for 2 groups
    "#]] },
    Guest { name: "states_ends_backwards", made: Made::Cargo, law: Some("total"), outcome: expect![[r#"
        answer value: 1 2 1;
        call Contract: view guest, entity c0 and 1 more in one call: the transform broke its contract: states: offsets that run backwards
    "#]] },
    // Descriptions that make no sense.
    Guest { name: "feature_names_equal", made: Made::Cargo, law: None, outcome: expect![[r#"
        load Describe Contract: feature_names_equal does not describe itself: the transform broke its contract: two output features are named value
    "#]] },
    Guest { name: "feature_name_empty", made: Made::Cargo, law: None, outcome: expect![[r#"
        load Describe Contract: feature_name_empty does not describe itself: the transform broke its contract: output feature 1 has no name
    "#]] },
    Guest { name: "feature_name_escapes", made: Made::Cargo, law: None, outcome: expect![[r#"
        load Describe Contract: feature_name_escapes does not describe itself: the transform broke its contract: the name of output feature 1 holds a control character
    "#]] },
    Guest { name: "features_none", made: Made::Cargo, law: None, outcome: expect![[r#"
        load Describe Contract: features_none does not describe itself: the transform broke its contract: it describes no output feature
    "#]] },
    // Bytes that cargo does not make.
    Guest { name: "empty_file", made: Made::Bytes(|_| Vec::new()), law: None, outcome: expect![[r#"
        load NotAComponent: empty_file is not a WebAssembly component that runs here: the file is empty
    "#]] },
    Guest { name: "text_file", made: Made::Bytes(|_| b"fn main() {}\n".to_vec()), law: None, outcome: expect![[r#"
        load NotAComponent: text_file is not a WebAssembly component that runs here: its first bytes are not those of WebAssembly; give a .wasm file or the folder of a cargo package
    "#]] },
    Guest { name: "core_module", made: Made::Wat("(module)"), law: None, outcome: expect![[r#"
        load NotAComponent: core_module is not a WebAssembly component that runs here: it is a core module; build it for wasm32-wasip2 (`onepath build` does), or wrap it with `wasm-tools component new`
    "#]] },
    Guest { name: "truncated", made: Made::Bytes(|good| good[..good.len() / 2].to_vec()), law: None, outcome: expect![[r#"
        load NotAComponent: truncated is not a WebAssembly component that runs here: failed to parse WebAssembly module: unexpected end-of-file (at offset 0x5e)
    "#]] },
    Guest { name: "bit_flipped", made: Made::Bytes(bit_flipped), law: None, outcome: expect![[r#"
        load NotAComponent: bit_flipped is not a WebAssembly component that runs here: failed to parse WebAssembly module: malformed section id: 71 (at offset 0x1e)
    "#]] },
    Guest { name: "function_large", made: Made::Bytes(function_large), law: None, outcome: expect![[r#"
        load FunctionTooLarge: function_large has a function of 262145 bytes; one may have at most 262144: split it, put tables of constants into statics, or raise `function_bytes_max` under [limits]
    "#]] },
    Guest { name: "too_large", made: Made::Bytes(padded), law: None, outcome: expect![[r#"
        load TooLarge: too_large has 2097153 bytes; a component may have at most 2097152
    "#]] },
    Guest { name: "world_of_another", made: Made::Component(WORLD_OF_ANOTHER), law: None, outcome: expect![[r#"
        load WrongWorld: world_of_another is a component, but not a feature transform of onepath:feature@0.1.0: it exports wasi:cli/run@0.2.0: no exported instance named `onepath:feature/transform@0.1.0`
    "#]] },
    Guest { name: "version_of_old", made: Made::Component(VERSION_OF_OLD), law: None, outcome: expect![[r#"
        load WrongWorld: version_of_old is a component, but not a feature transform of onepath:feature@0.1.0: it exports onepath:feature/transform@0.0.9: no exported instance named `onepath:feature/transform@0.1.0`
    "#]] },
    Guest { name: "version_of_tomorrow", made: Made::Component(VERSION_OF_TOMORROW), law: None, outcome: expect![[r#"
        load WrongWorld: version_of_tomorrow is a component, but not a feature transform of onepath:feature@0.1.0: it exports onepath:feature/transform@1.0.0: no exported instance named `onepath:feature/transform@0.1.0`
    "#]] },
    Guest { name: "types_of_another", made: Made::Transform(""), law: None, outcome: expect![[r#"
        load WrongWorld: types_of_another is a component, but not a feature transform of onepath:feature@0.1.0: failed to convert function to given type: type mismatch with results: expected 1-tuple, found 0-tuple
    "#]] },
    Guest { name: "import_backdoor", made: Made::Transform(IMPORT_BACKDOOR), law: None, outcome: expect![[r#"
        load Import: import_backdoor imports evil:host/backdoor: a transform has no imports but the wasi: interfaces that its standard library brings, and those are answered by constants or refused
    "#]] },
    Guest { name: "import_bare_function", made: Made::Transform(IMPORT_BARE_FUNCTION), law: None, outcome: expect![[r#"
        load Import: import_bare_function imports open: a transform has no imports but the wasi: interfaces that its standard library brings, and those are answered by constants or refused
    "#]] },
    Guest { name: "import_module", made: Made::Transform(IMPORT_MODULE), law: None, outcome: expect![[r#"
        load Import: import_module imports code: a transform has no imports but the wasi: interfaces that its standard library brings, and those are answered by constants or refused
    "#]] },
    Guest { name: "start_endless", made: Made::Transform(START_ENDLESS), law: None, outcome: expect![[r#"
        load Describe Limit: start_endless does not describe itself: the transform exceeded a limit: 200 ms for one call
    "#]] },
    Guest { name: "start_traps", made: Made::Transform(START_TRAPS), law: None, outcome: expect![[r#"
        load Describe Trap: start_traps does not describe itself: the transform trapped: wasm trap: wasm `unreachable` instruction executed
    "#]] },
    Guest { name: "memory_at_start", made: Made::Transform(MEMORY_AT_START), law: None, outcome: expect![[r#"
        load Describe Limit: memory_at_start does not describe itself: the transform exceeded a limit: memory of 33554432 bytes
    "#]] },
    Guest { name: "memories_together", made: Made::Transform(MEMORIES_TOGETHER), law: None, outcome: expect![[r#"
        load Describe Limit: memories_together does not describe itself: the transform exceeded a limit: memory of 33554432 bytes
    "#]] },
    Guest { name: "memories_many", made: Made::Transform(MEMORIES_MANY), law: None, outcome: expect![[r#"
        load Describe Limit: memories_many does not describe itself: the transform exceeded a limit: memory count too high at 18
    "#]] },
    Guest { name: "tables_together", made: Made::Transform(TABLES_TOGETHER), law: None, outcome: expect![[r#"
        load Describe Limit: tables_together does not describe itself: the transform exceeded a limit: tables of 100000 elements
    "#]] },
    Guest { name: "handles_unbounded", made: Made::Transform(HANDLES_UNBOUNDED), law: None, outcome: expect![[r#"
        load Describe Limit: handles_unbounded does not describe itself: the transform exceeded a limit: handles of streams that are open at once
    "#]] },
    Guest { name: "simd_relaxed", made: Made::Transform(SIMD_RELAXED), law: None, outcome: expect![[r#"
        load NotAComponent: simd_relaxed is not a WebAssembly component that runs here: failed to compile: wasm[0]::function[0]: WebAssembly translation error: Invalid input WebAssembly code at offset 70: relaxed SIMD support is not enabled
    "#]] },
    Guest { name: "memory_shared", made: Made::Transform(MEMORY_SHARED), law: None, outcome: expect![[r#"
        load NotAComponent: memory_shared is not a WebAssembly component that runs here: failed to parse WebAssembly module: threads must be enabled for shared memories (at offset 0x15)
    "#]] },
];
