//! What planning can know is told by `build`, `materialize` and `serve`, at its line, and not by the first question.

use expect_test::{Expect, expect};

use crate::support::Project;

const BASE: &str = "[project]\nname = \"p\"\n[entities.customer]\nkeys = { customer_id = \"text\" }\n[sources.events]\n\
                    entity = \"customer\"\nevent_time = \"event_timestamp\"\n[sources.events.fields]\namount = \"float64\"\n\
                    event_type = \"text\"\n[views.activity]\nsources = [\"events\"]\ntransform = \"CHURN\"\n";

/// Each command refuses the project with `more` in the same words, and leaves no log behind.
#[track_caller]
pub fn check(more: &str, expected: &Expect) {
    check_whole(&format!("{BASE}{more}"), expected);
}

/// The same of a whole project file.
#[track_caller]
fn check_whole(text: &str, expected: &Expect) {
    let project = Project::new(text);
    let told: Vec<String> = [&["build"][..], &["materialize"], &["serve", "--listen", "127.0.0.1:0"]]
        .iter()
        .map(|words| {
            let ran = project.run_with(words, "");
            assert_eq!(ran.code, 2, "{words:?}\n{}{}", ran.stdout, ran.stderr);
            ran.stderr
        })
        .collect();
    expected.assert_eq(&told[0]);
    assert!(told.iter().all(|other| *other == told[0]), "{told:#?}");
    assert!(!project.path(".onepath/log.sqlite").exists(), "nothing was begun");
}

#[test]
fn inputs_that_do_not_fit() {
    let cart = |inputs: &str| format!("[views.cart]\ninputs = [{inputs}]\ntransform = \"CART\"\n");
    // It reads purchase_count_30d, a whole number that is never null.
    check(
        &cart("\"request:cart_value\""),
        &expect![[r#"
        error: onepath.toml:14:8: the transform of view cart@v1 reads the feature purchase_count_30d, which is not among its inputs
           |
        14 | [views.cart]
           |        ^^^^
           |
           = help: add "VIEW:purchase_count_30d", or "VIEW:FEATURE as purchase_count_30d", to `inputs`
    "#]],
    );
    check(
        &cart("\"activity:avg_purchase_value_90d as purchase_count_30d\", \"request:cart_value\""),
        &expect![[r#"
        error: onepath.toml:15:11: activity:avg_purchase_value_90d is float64, and the transform of view cart@v1 reads purchase_count_30d as int64
           |
        15 | inputs = ["activity:avg_purchase_value_90d as purchase_count_30d", "request:cart_value"]
           |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           |
           = help: name a feature of that type, or change one of the transforms
    "#]],
    );
    check(
        &cart("\"activity:days_since_last_purchase as purchase_count_30d\", \"request:cart_value\""),
        &expect![[r#"
            error: onepath.toml:15:11: activity:days_since_last_purchase may be null, and the transform of view cart@v1 reads purchase_count_30d as never null
               |
            15 | inputs = ["activity:days_since_last_purchase as purchase_count_30d", "request:cart_value"]
               |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
               |
               = help: read it as an Option in the transform, or give the feature a default
        "#]],
    );
    check(
        &cart("\"activity:purchase_count\", \"request:cart_value\""),
        &expect![[r#"
        error: onepath.toml:15:11: the transform of view cart@v1 reads no input feature "purchase_count"
           |
        15 | inputs = ["activity:purchase_count", "request:cart_value"]
           |           ^^^^^^^^^^^^^^^^^^^^^^^^^
           |
           = help: it reads purchase_count_30d: write "activity:purchase_count as purchase_count_30d", or remove this input
    "#]],
    );
    check(
        &cart("\"activity:purchase_count as purchase_count_30d\", \"request:cart_value\""),
        &expect![[r#"
        error: onepath.toml:15:11: view activity@v1 has no feature "purchase_count"
           |
        15 | inputs = ["activity:purchase_count as purchase_count_30d", "request:cart_value"]
           |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           |
           = help: did you mean "purchase_count_30d"? it has: purchase_count_30d, avg_purchase_value_90d, days_since_last_purchase, return_rate_180d
    "#]],
    );
    check(
        &cart("\"activity:purchase_count_30d\", \"request:cart_valeu\""),
        &expect![[r#"
        error: onepath.toml:15:42: the transform of view cart@v1 reads no request field "cart_valeu"
           |
        15 | inputs = ["activity:purchase_count_30d", "request:cart_valeu"]
           |                                          ^^^^^^^^^^^^^^^^^^^^
           |
           = help: it reads cart_value: name one of them, or remove this input
    "#]],
    );
    check(
        &cart("\"activity:purchase_count_30d\", \"activity:return_rate_180d\", \"request:cart_value\""),
        &expect![[r#"
            error: onepath.toml:15:42: the transform of view cart@v1 reads no input feature "return_rate_180d"
               |
            15 | inputs = ["activity:purchase_count_30d", "activity:return_rate_180d", "request:cart_value"]
               |                                          ^^^^^^^^^^^^^^^^^^^^^^^^^^^
               |
               = help: remove this input, or give it a name that it reads: purchase_count_30d
        "#]],
    );
}

#[test]
fn services_that_cannot_be_answered() {
    check(
        "[services.s]\nfeatures = [\"activity:*\"]\n[services.t]\nfeatures = [\"activity:purchase_count\"]\n",
        &expect![[r#"
            error: onepath.toml:17:13: view activity@v1 has no feature "purchase_count"
               |
            17 | features = ["activity:purchase_count"]
               |             ^^^^^^^^^^^^^^^^^^^^^^^^^
               |
               = help: did you mean "purchase_count_30d"? it has: purchase_count_30d, avg_purchase_value_90d, days_since_last_purchase, return_rate_180d
        "#]],
    );
    check(
        "[views.activity__purchase]\nsources = [\"events\"]\ntransform = \"CHURN\"\n[views.a]\nsources = [\"events\"]\n\
         transform = \"CHURN\"\n[views.a.features.churn]\nowner = \"me\"\n",
        &expect![[r#"
            error: onepath.toml:20:19: view a@v1 has no feature "churn"
               |
            20 | [views.a.features.churn]
               |                   ^^^^^
               |
               = help: it has: purchase_count_30d, avg_purchase_value_90d, days_since_last_purchase, return_rate_180d
        "#]],
    );
}

#[test]
fn parameters_that_do_not_fit() {
    let scaled =
        |parameters: &str| format!("[views.scaled]\nsources = [\"events\"]\ntransform = \"SCALED\"\n{parameters}");
    check(
        &scaled(""),
        &expect![[r#"
        error: onepath.toml:14:8: view scaled@v1 does not give the parameter "factor" (float64) of its transform
           |
        14 | [views.scaled]
           |        ^^^^^^
           |
           = help: add it: parameters = { factor = ... }
    "#]],
    );
    check(
        &scaled("parameters = { factor = 2, more = 3 }\n"),
        &expect![[r#"
        error: onepath.toml:17:28: the transform of view scaled@v1 has no parameter "more"
           |
        17 | parameters = { factor = 2, more = 3 }
           |                            ^^^^
           |
           = help: remove it; the parameters are: factor
    "#]],
    );
    check(
        &scaled("[views.scaled.parameters]\nfactor = \"two\"\n"),
        &expect![[r#"
        error: onepath.toml:18:1: view scaled@v1: two is not a value of the parameter "factor", which is float64
           |
        18 | factor = "two"
           | ^^^^^^
           |
           = help: write a value of type float64
    "#]],
    );
    check(
        "[views.scaled]\nentity = \"customer\"\ninputs = [\"request:x\"]\ntransform = \"TRACE\"\n",
        &expect![[r#"
        error: onepath.toml:14:8: view scaled@v1 has no sources, and its transform reads events (event_type, amount)
           |
        14 | [views.scaled]
           |        ^^^^^^
           |
           = help: name the sources whose events it reads: sources = [...]
    "#]],
    );
}

#[test]
fn request_fields_that_do_not_fit() {
    let cart =
        "[views.cart]\ninputs = [\"activity:purchase_count_30d\", \"request:cart_value\"]\ntransform = \"CART\"\n";
    check(
        &format!("{cart}[request.fields]\ncart_value = \"text\"\n[services.s]\nfeatures = [\"cart:*\"]\n"),
        &expect![[r#"
            error: onepath.toml:18:14: field "cart_value" of request is text, and view cart@v1 reads it as float64
               |
            18 | cart_value = "text"
               |              ^^^^^^
               |
               = help: declare the type that the view reads, or int64 where it reads float64, or change the transform
        "#]],
    );
    check(
        &format!("{cart}[request.fields]\ncart_values = \"float64\"\n"),
        &expect![[r#"
        error: onepath.toml:18:15: no view reads the request field "cart_values"
           |
        18 | cart_values = "float64"
           |               ^^^^^^^^^
           |
           = help: did you mean "cart_value"? remove this line: a field that nothing reads does nothing
    "#]],
    );
}

#[test]
fn a_field_that_is_a_key_of_another_type() {
    let keyed = BASE
        .replace("customer_id", "text")
        .replace("[sources.events.fields]\n", "")
        .replace("amount = \"float64\"\n", "");
    let keyed = keyed
        .replace("event_type = \"text\"\n", "")
        .replace("keys = { text = \"text\" }", "keys = { text = \"int64\" }");
    check_whole(
        &format!("{keyed}[views.seen]\nsources = [\"events\"]\ntransform = \"SEEN\"\n"),
        &expect![[r#"
        error: onepath.toml:11:8: view seen@v1: it reads text of source "events" as text, and that is int64
           |
        11 | [views.seen]
           |        ^^^^
           |
           = help: keys have the types of their entity, times are time, and an event id is text: change the transform
    "#]],
    );
}

#[test]
fn two_columns_of_one_name() {
    let text = BASE.replace("customer_id", "activity__purchase_count_30d");
    check_whole(
        &format!("{text}[services.s]\nfeatures = [\"activity:purchase_count_30d\"]\n"),
        &expect![[r#"
        error: onepath.toml:15:13: service "s" has two columns named activity__purchase_count_30d: the second is activity:purchase_count_30d
           |
        15 | features = ["activity:purchase_count_30d"]
           |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           |
           = help: view and feature are joined by __: rename one of the views or features, or leave one out
    "#]],
    );
}
