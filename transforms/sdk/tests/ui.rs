//! What the compiler says to an author who makes a common mistake.
//!
//! Each file in `ui/` is such a mistake; the text beside it is the answer, and changes here are read before they are kept:
//! `TRYBUILD=overwrite cargo test --release -p onepath-sdk --test ui`.

#[test]
fn mistakes_are_answered_with_the_way_out() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}
