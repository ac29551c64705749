//! What the compiler says to an author who makes a common mistake.
//!
//! Each file in `ui/` is such a mistake; the text beside it is the answer, and changes here are read before they are kept:
//! `TRYBUILD=overwrite cargo test --release -p onepath-sdk --test ui`.

#[test]
fn mistakes_are_answered_with_the_way_out() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}

/// Lengths are compared where code is generated, which takes a case that runs among these.
#[test]
fn no_more_is_asked_of_a_window_than_it_keeps() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/lengths/as_much_as_is_kept.rs");
    cases.compile_fail("tests/ui/lengths/more_than_is_kept.rs");
}
