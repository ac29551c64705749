//! `onepath build` writes the schema into the project file.

use super::*;

const LINES: &str = "files = [\"e.csv\"] # the history\nowner = \"me\"\n";

fn text(project: &Project) -> String {
    std::fs::read_to_string(project.path("onepath.toml")).expect("is there")
}

#[test]
fn build_adds_what_is_missing_and_changes_nothing_else() {
    let project = project(LINES);
    project.write(
        "e.csv",
        "user_id,amount,ts,note,count,share,ok,none\na,1,2024-01-01,x,3,1,true,\na,2,2024-01-02,y,4,0.5,false,\n",
    );
    let before = text(&project);
    // Every command works without it, and none but `build` writes.
    assert_eq!(backfilled(&project, ""), "2,0,3.0,2.0");
    good(&project, "--locked --help");
    assert_eq!(text(&project), before);
    let ran = good(&project, "build");
    let told = "onepath.toml: declared [sources.events.fields] amount, note, count, share, ok\n";
    assert_eq!(ran.stderr, told, "{}", ran.stderr);
    let added = "\n[sources.events.fields]\namount = \"float64\"\nnote = \"text\"\ncount = \"int64\"\nshare = \"float64\"\nok = \"bool\"\n";
    let after = text(&project);
    assert!(after.contains(added), "{after}");
    assert_eq!(after.replacen(added, "", 1), before);
    let again = good(&project, "build");
    assert_eq!((again.stderr.as_str(), text(&project)), ("", after.clone()));
    assert_eq!(backfilled(&project, ""), "2,0,3.0,2.0");

    // What is declared is kept, whatever the files hold.
    let declared = before.replace("owner = \"me\"\n", "owner = \"me\"\nfields.count = \"float64\"\n");
    project.write("onepath.toml", &declared);
    let ran = good(&project, "build");
    assert!(ran.stderr.contains("[sources.events.fields] amount, note, share, ok\n"), "{}", ran.stderr);
    assert!(text(&project).contains("fields.count = \"float64\"\n"), "{}", text(&project));
}

#[test]
fn a_locked_build_writes_nothing() {
    let project = project(LINES);
    project.write("e.csv", "user_id,amount,ts\na,1,2024-01-01\n");
    let before = text(&project);
    good(&project, "build");
    project.write("onepath.toml", &before);
    let ran = good(&project, "--locked build");
    assert_eq!((ran.stderr.as_str(), text(&project)), ("", before));
}

#[test]
fn a_mapped_name_that_nothing_has_is_told_at_its_line() {
    let project = project(&format!("{LINES}columns = {{ amuont = \"amt\" }}"));
    project.write("e.csv", "user_id,amount,ts\na,1,2024-01-01\n");
    let expected = "onepath.toml:10:13: source \"events\" has no field \"amuont\"";
    bad(&project, "build", expected);
    bad(&project, "build", "did you mean \"amount\"?");
}

#[test]
fn request_fields_are_written_too() {
    let project = Project::new(&format!(
        "{}\n[views.tally]\nsources = [\"events\"]\ntransform = \"CHURN\"\n[views.cart]\n\
         inputs = [\"tally:purchase_count_30d\", \"request:cart_value\"]\ntransform = \"CART\"\n",
        unread("")
    ));
    let ran = good(&project, "build");
    assert!(ran.stderr.contains("; [request.fields] cart_value\n"), "{}", ran.stderr);
    assert!(text(&project).ends_with("\n[request.fields]\ncart_value = \"float64\"\n"), "{}", text(&project));
}
