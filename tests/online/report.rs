//! The page about a project: it has the figures of `monitor drift`, is well-formed, and holds nothing of a project's texts as markup.

use super::drift::{MANIFEST, shop, shop_of};
use super::{served_one, toml};
use crate::support::Project;

const SALE: &str = "--since 2024-03-02 --until 2024-03-03";

/// Texts that would be markup, in the places where a project may have texts.
fn marked_project() -> Project {
    Project::new(&format!(
        "{}description = \"<b onclick='x'>&amp; \\\"all\\\"\"\nowner = \"<script>alert(1)</script>\"\n\
         [views.activity.features.purchase_count_30d]\ndescription = \"</p><img src='x'> & more\"\n\
         [views.trace.features.trail]\nprofile_values = true\n",
        toml("[]", "", "TRACE")
    ))
}

fn page(project: &Project, words: &str) -> String {
    let ran = project.run(&format!("report --out report.html {words}"));
    assert_eq!((ran.code, &*ran.stderr), (0, ""), "{}", ran.stdout);
    std::fs::read_to_string(project.path("report.html")).expect("was written")
}

/// Holds a page to well-formed markup: every tag that opens is closed in order, attributes are in quotes, and texts are escaped. Gives the
/// names of the tags.
fn assert_well_formed(page: &str) -> Vec<String> {
    let (mut open, mut names): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let mut rest = page.strip_prefix("<!DOCTYPE html>").expect("is HTML");
    while let Some(at) = rest.find('<') {
        let text = &rest[..at];
        assert!(!text.contains('>'), "in a text: {text}");
        for after in text.split('&').skip(1) {
            let is_escape = ["amp;", "lt;", "gt;", "quot;", "#39;"].iter().any(|escape| after.starts_with(escape));
            assert!(is_escape, "in a text: &{after}");
        }
        let end = rest.find('>').expect("a tag ends");
        let tag = &rest[at + 1..end];
        assert!(!tag.contains('<') && tag.matches('"').count().is_multiple_of(2), "<{tag}>");
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop().as_deref(), Some(name), "closes what is open"),
            None => {
                let name = tag.trim_end_matches('/').split_whitespace().next().expect("a tag has a name").to_owned();
                names.push(name.clone());
                if !tag.ends_with('/') {
                    open.push(name);
                }
            }
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    names
}

#[test]
fn the_page_has_the_figures_of_drift() {
    let project = shop();
    let page = page(&project, SALE);
    let tags = assert_well_formed(&page);
    let drift = project.run(&format!("--format json monitor drift --against {MANIFEST} {SALE}"));
    let drift: serde_json::Value = serde_json::from_str(&drift.stdout).expect("one document");
    let report = project.run(&format!("--format json report {SALE}"));
    assert_eq!((report.code, &*report.stderr), (0, ""));
    let report: serde_json::Value = serde_json::from_str(&report.stdout).expect("one document");
    let service = &report["services"][0];
    assert_eq!(service["drift"]["features"], drift["features"]);
    assert_eq!(service["drift"]["verdict"], "unstable");
    let features = drift["features"].as_array().expect("a list");
    assert_eq!(features.len(), 7);
    for feature in features {
        let name = feature["feature"].as_str().expect("a name");
        let part = page.split(&format!("<h4>{name} ")).nth(1).and_then(|rest| rest.split("</article>").next());
        let part = part.unwrap_or_else(|| panic!("{name} has no section"));
        let figure = |name: &str, told: &str| assert!(part.contains(told), "{name}: {told} is not in {part}");
        let number = |value: &serde_json::Value| value.as_f64();
        number(&feature["psi"]).into_iter().for_each(|psi| figure("PSI", &format!("PSI {psi:.3}")));
        number(&feature["ks"]["d"]).into_iter().for_each(|d| figure("KS", &format!("KS D {d:.3}")));
        number(&feature["mean_shift"]).into_iter().for_each(|shift| figure("mean", &format!("{shift:+.2} standard")));
        let words = if feature["verdict"] == "unstable" { "not as in training" } else { "as in training" };
        figure("verdict", words);
        figure("coverage", "Coverage: PRESENT 100.00 % (400).");
    }
    // The bars are the bins that the index is made of, and both sides of them are whole.
    let drawn: Vec<_> =
        service["features"].as_array().expect("a list").iter().filter(|one| one["histogram"].is_object()).collect();
    assert_eq!(tags.iter().filter(|tag| *tag == "svg").count(), drawn.len());
    let bars = drawn.iter().map(|one| one["histogram"]["bins"].as_array().expect("a list").len()).sum::<usize>();
    assert_eq!(tags.iter().filter(|tag| *tag == "rect").count(), 2 * bars);
    for feature in drawn {
        let bins = feature["histogram"]["bins"].as_array().expect("a list");
        let psi: f64 = bins
            .iter()
            .map(|bin| {
                let share = |name: &str| bin[name].as_f64().expect("a share").max(0.0001);
                let (p, q) = (share("reference_share"), share("observed_share"));
                (q - p) * (q / p).ln()
            })
            .sum();
        let compared = features.iter().find(|one| one["feature"] == feature["feature"]).expect("is compared");
        let told = compared["psi"].as_f64().expect("a number");
        assert!((psi - told).abs() < 1e-9, "{}: {psi} and {told}", feature["feature"]);
    }
}

#[test]
fn texts_of_a_project_are_no_markup_and_nothing_is_fetched() {
    let project = shop_of(marked_project());
    let page = page(&project, SALE);
    let tags = assert_well_formed(&page);
    for told in [
        "&lt;b onclick=&#39;x&#39;&gt;&amp;amp; &quot;all&quot;",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "&lt;/p&gt;&lt;img src=&#39;x&#39;&gt; &amp; more",
    ] {
        assert!(page.contains(told), "{told} is not in the page");
    }
    for tag in ["script", "img", "b", "link", "iframe", "object"] {
        assert!(!tags.iter().any(|known| known == tag), "{tag}");
    }
    for fetched in ["<script", "http://", "https://", "url(", "@import", " src=\"", " href=\""] {
        assert!(!page.contains(fetched), "{fetched}");
    }
    // The statuses of strangers are told, and where it comes from.
    let strangers = super::report::page(&project, "--since 2024-03-03");
    assert!(strangers.contains("Coverage: NOT_FOUND 100.00 % (400).") && strangers.contains("Delivery changed"));
}

#[test]
fn what_is_missing_is_said_with_what_to_do() {
    let project = served_one();
    let without = page(&project, "");
    assert_well_formed(&without);
    for told in [
        "no training set of it is noted: run `onepath backfill --service all`, or name the manifest of one with --against",
        "Not run. `onepath verify`",
        // What was served without a service is of none.
        "not served in this time",
        "No source has files",
        "Newest events of views",
    ] {
        assert!(without.contains(told), "{told} is not in {without}");
    }
    let proved = page(&project, "--verify");
    assert!(proved.contains("What was served is what a backfill gives, bit for bit."));
    assert!(proved.contains("<tr><th scope=\"row\">served vectors replayed</th><td>1</td></tr>"), "{proved}");

    let refused = |words: &str, message: &str| {
        let ran = project.run(&format!("report {words}"));
        assert!(ran.code == 2 && ran.stderr.contains(message), "{words}: {} {}", ran.code, ran.stderr);
    };
    refused("", "name the page to write with --out FILE");
    refused("--out other.html --against gone.json", "gone.json cannot be read");
    refused("--out other.html --service none", "none");
    assert!(!project.path("other.html").exists());
    let ran = project.run("report --out nowhere/report.html");
    assert!(ran.code != 0 && ran.stderr.contains("nowhere"), "{} {}", ran.code, ran.stderr);
}

/// A training set whose manifest is gone, and one whose profile is another, are told; a newer one takes their place.
#[test]
fn a_noted_training_set_that_is_gone_is_told() {
    let project = shop();
    std::fs::write(project.path("training.parquet.profile.json"), "{}").expect("is written");
    assert!(page(&project, "").contains("is not the profile that"));
    std::fs::remove_file(project.path(MANIFEST)).expect("is removed");
    let gone = page(&project, "");
    assert!(gone.contains("training.parquet, is no longer there"), "{gone}");
    let ran = project.run("backfill --service all --spine spine.csv --out newer.parquet");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(page(&project, "").contains("the training set of newer.parquet.manifest.json, 400 rows"));
    std::fs::remove_dir_all(project.path(".onepath/training-sets")).expect("is removed");
    let none = page(&project, "");
    assert!(none.contains("no training set of it is noted") && none.contains("nothing to compare it with"), "{none}");
    assert!(!none.contains("not served in this time") && none.contains("Coverage: PRESENT"), "{none}");
}
