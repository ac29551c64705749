//! The standard component: the file that declared views are written into is what its source makes.

use onepath::build::build_component;

use crate::support::repository;

/// Written anew with `UPDATE_EXPECT=1`.
#[test]
fn the_standard_component_is_that_of_its_source() {
    let package = repository().join("transforms/standard");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let output = dir.path().join("standard.wasm");
    build_component(&package, &output, &mut |_| {}).expect("builds");
    let built = std::fs::read(output).expect("reads");
    let kept = package.join("standard.wasm");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&kept, &built).expect("writes");
    }
    let is_kept = std::fs::read(&kept).is_ok_and(|kept| kept == built);
    assert!(is_kept, "transforms/standard/standard.wasm is not what its source makes; UPDATE_EXPECT=1 writes it anew");
    onepath_definition::find_slot(&built).expect("it has one slot");
}
