//! Defaults and times to live of features that do not fit, at their lines.

use expect_test::expect;

use super::planning::check;

fn of_feature(feature: &str, line: &str) -> String {
    format!("[views.activity.features.{feature}]\n{line}\n")
}

#[test]
fn a_default_of_another_type() {
    check(
        &of_feature("purchase_count_30d", "default = 0.5"),
        &expect![[r#"
        error: onepath.toml:15:11: view activity@v1: the default of feature "purchase_count_30d" must be a value of type int64, and 0.5 is of type float64
           |
        15 | default = 0.5
           |           ^^^
           |
           = help: write a whole number, such as 0, or remove it
    "#]],
    );
    check(
        &of_feature("avg_purchase_value_90d", "default = \"none\""),
        &expect![[r#"
        error: onepath.toml:15:11: view activity@v1: the default of feature "avg_purchase_value_90d" must be a value of type float64, and "none" is a text
           |
        15 | default = "none"
           |           ^^^^^^
           |
           = help: write a number, such as 0.5, nan or inf, or remove it
    "#]],
    );
    check(
        &of_feature("avg_purchase_value_90d", "default = 9007199254740993"),
        &expect![[r#"
        error: onepath.toml:15:11: view activity@v1: the default of feature "avg_purchase_value_90d" must be a value of type float64, and 9007199254740993 is not exact as a float64
           |
        15 | default = 9007199254740993
           |           ^^^^^^^^^^^^^^^^
           |
           = help: write a number, such as 0.5, nan or inf, or remove it
    "#]],
    );
    check(
        &of_feature("days_since_last_purchase", "default = [1, 2]"),
        &expect![[r#"
        error: onepath.toml:15:11: view activity@v1: the default of feature "days_since_last_purchase" must be a value of type int64, and [1.0, 2.0] is of type list<float64>
           |
        15 | default = [1, 2]
           |           ^^^^^^
           |
           = help: write a whole number, such as 0, or remove it
    "#]],
    );
}

#[test]
fn a_feature_that_there_is_not() {
    check(
        &of_feature("purchase_count", "default = 1"),
        &expect![[r#"
        error: onepath.toml:14:26: view activity@v1 has no feature "purchase_count"
           |
        14 | [views.activity.features.purchase_count]
           |                          ^^^^^^^^^^^^^^
           |
           = help: did you mean "purchase_count_30d"? it has: purchase_count_30d, avg_purchase_value_90d, days_since_last_purchase, return_rate_180d
    "#]],
    );
}

#[test]
fn a_feature_that_expires_is_null_unless_it_has_a_default() {
    let cart =
        "[views.cart]\ninputs = [\"activity:purchase_count_30d\", \"request:cart_value\"]\ntransform = \"CART\"\n";
    check(
        &format!("{cart}{}", of_feature("purchase_count_30d", "ttl = \"1d\"")),
        &expect![[r#"
        error: onepath.toml:15:11: activity:purchase_count_30d may be null, because it has a ttl, and the transform of view cart@v1 reads purchase_count_30d as never null
           |
        15 | inputs = ["activity:purchase_count_30d", "request:cart_value"]
           |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           |
           = help: read it as an Option in the transform, or give the feature a default
    "#]],
    );
}
