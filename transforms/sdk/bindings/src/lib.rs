//! The bindings of the contract, generated anew when this package is built.
//!
//! They lie in the SDK as they were generated, so that a project's first build does not compile their generator. After a change of
//! the contract, or of the generator's version:
//!
//! ```sh
//! UPDATE_EXPECT=1 cargo test --release -p onepath-sdk-bindings
//! ```

/// What the generator makes of `wit/`: of the world that every transform has.
pub const GENERATED: &str = include_str!(concat!(env!("OUT_DIR"), "/bindings.rs"));

/// The same of what a transform with `debug` exports beside it.
pub const GENERATED_DEBUGGING: &str = include_str!(concat!(env!("OUT_DIR"), "/debugging.rs"));

#[cfg(test)]
mod tests {
    use expect_test::expect_file;

    use super::{GENERATED, GENERATED_DEBUGGING};

    #[test]
    fn the_sdk_has_the_bindings_of_the_contract() {
        expect_file!["../../src/wire/bindings.rs"].assert_eq(GENERATED);
        expect_file!["../../src/wire/debugging.rs"].assert_eq(GENERATED_DEBUGGING);
    }
}
