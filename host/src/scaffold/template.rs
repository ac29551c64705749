//! The kinds of project that there are, and the files of each.

use super::sdk;

/// A kind of project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// What a customer bought and returned lately: windows over days.
    Churn,
    /// What a card paid lately, and how unusual a payment is: windows over minutes, and a field of the request.
    Fraud,
    /// What a visitor does in one visit: sessions.
    Sessions,
    /// The features of churn, declared in the project file: without Rust.
    Declared,
}

/// A file of a new project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path within the project, with `/`.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// Where a project keeps its copy of the SDK.
pub(super) const SDK: &str = "vendor/onepath-sdk";

/// The texts in which one template differs from another.
struct Texts {
    /// The transform; none where the features are declared.
    package: Option<Package>,
    project: &'static str,
    /// What the README says of the features.
    about: &'static str,
    /// The first commands, one a line.
    commands: &'static str,
    data: &'static [(&'static str, &'static str)],
}

/// A transform.
struct Package {
    name: &'static str,
    /// What it is, in one line.
    description: &'static str,
    transform: &'static str,
}

/// A file of `host/templates`.
macro_rules! text {
    ($path:literal) => {
        include_str!(concat!("../../templates/", $path))
    };
}

impl Template {
    /// Every template.
    pub const ALL: [Template; 4] = [Template::Churn, Template::Fraud, Template::Sessions, Template::Declared];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Template::Churn => "churn",
            Template::Fraud => "fraud",
            Template::Sessions => "sessions",
            Template::Declared => "declared",
        }
    }

    /// The commands to begin with, to be run in the project's folder.
    pub fn commands(self) -> impl Iterator<Item = &'static str> {
        self.texts().commands.lines()
    }

    /// All files of a project named `project`.
    pub fn files(self, project: &str) -> Vec<File> {
        let texts = self.texts();
        let filled = |text: &str| {
            let package = texts.package.as_ref().map_or("", |package| package.name);
            text.replace("{{project}}", project)
                .replace("{{package}}", package)
                .replace("{{about}}", texts.about.trim_end())
                .replace("{{commands}}", texts.commands.trim_end())
        };
        let mut files: Vec<(String, String)> = vec![
            (".gitignore".to_owned(), text!("common/gitignore").to_owned()),
            ("onepath.toml".to_owned(), filled(texts.project)),
        ];
        files.extend(texts.data.iter().map(|(name, text)| (format!("data/{name}"), (*text).to_owned())));
        let Some(package) = &texts.package else {
            files.push(("README.md".to_owned(), filled(text!("declared/README.md"))));
            return files.into_iter().map(|(path, text)| File { path, text }).collect();
        };
        let manifest = filled(text!("common/transform.toml")).replace("{{description}}", package.description);
        let folder = format!("transforms/{}", package.name);
        files.extend([
            ("README.md".to_owned(), filled(text!("common/README.md"))),
            ("Cargo.toml".to_owned(), text!("common/Cargo.toml").to_owned()),
            ("Cargo.lock".to_owned(), lock(package.name)),
            ("rust-toolchain.toml".to_owned(), include_str!("../../../rust-toolchain.toml").to_owned()),
            (format!("{folder}/Cargo.toml"), manifest),
            (format!("{folder}/src/lib.rs"), package.transform.to_owned()),
        ]);
        let files = files.into_iter().map(|(path, text)| File { path, text });
        files.chain(sdk::files(SDK)).collect()
    }

    fn texts(self) -> Texts {
        match self {
            Template::Churn => Texts {
                package: Some(Package {
                    name: "activity",
                    description: "What a customer bought and returned lately",
                    transform: text!("churn/lib.rs"),
                }),
                project: text!("churn/onepath.toml"),
                about: text!("churn/about.md"),
                commands: text!("churn/commands"),
                data: &[
                    ("events.csv", text!("churn/data/events.csv")),
                    ("labels.csv", text!("churn/data/labels.csv")),
                    ("today.ndjson", text!("churn/data/today.ndjson")),
                ],
            },
            Template::Fraud => Texts {
                package: Some(Package {
                    name: "spending",
                    description: "What a card paid lately, and how unusual a payment is for it",
                    transform: text!("fraud/lib.rs"),
                }),
                project: text!("fraud/onepath.toml"),
                about: text!("fraud/about.md"),
                commands: text!("fraud/commands"),
                data: &[
                    ("payments.csv", text!("fraud/data/payments.csv")),
                    ("labels.csv", text!("fraud/data/labels.csv")),
                    ("today.ndjson", text!("fraud/data/today.ndjson")),
                ],
            },
            Template::Sessions => Texts {
                package: Some(Package {
                    name: "visits",
                    description: "What a visitor does in one visit",
                    transform: text!("sessions/lib.rs"),
                }),
                project: text!("sessions/onepath.toml"),
                about: text!("sessions/about.md"),
                commands: text!("sessions/commands"),
                data: &[
                    ("clicks.csv", text!("sessions/data/clicks.csv")),
                    ("moments.csv", text!("sessions/data/moments.csv")),
                    ("today.ndjson", text!("sessions/data/today.ndjson")),
                ],
            },
            Template::Declared => Texts {
                package: None,
                project: text!("declared/onepath.toml"),
                about: text!("declared/about.md"),
                commands: text!("declared/commands"),
                data: &[
                    ("events.csv", text!("churn/data/events.csv")),
                    ("labels.csv", text!("churn/data/labels.csv")),
                    ("today.ndjson", text!("churn/data/today.ndjson")),
                ],
            },
        }
    }
}

/// The lock file of a project with one transform: the common one and the transform's entry, in cargo's order.
pub(super) fn lock(package: &str) -> String {
    let own = format!("name = \"{package}\"\nversion = \"0.1.0\"\ndependencies = [\n \"onepath-sdk\",\n]");
    let mut parts: Vec<&str> = text!("common/Cargo.lock").trim_end().split("\n\n[[package]]\n").collect();
    let head = parts.remove(0);
    parts.push(&own);
    parts.sort_by_key(|part| part.lines().next());
    let packages: String = parts.iter().map(|part| format!("\n\n[[package]]\n{part}")).collect();
    format!("{head}{packages}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_to_fill_in() {
        for template in Template::ALL {
            for File { path, text } in template.files("my-features") {
                assert!(!text.contains("{{"), "{path}: {text}");
                assert!(text.ends_with('\n'), "{path} ends with its last line");
            }
        }
    }

    #[test]
    fn a_project_is_named_as_asked_and_its_file_is_understood() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for template in Template::ALL {
            let files = template.files("my-features");
            let toml = files.iter().find(|file| file.path == "onepath.toml").expect("has a project file");
            std::fs::write(dir.path().join("onepath.toml"), &toml.text).expect("writes");
            let project = crate::project::Project::load(dir.path()).expect("is a project");
            assert_eq!(project.name, "my-features");
        }
    }

    #[test]
    fn the_transform_stands_in_the_lock_file_where_cargo_puts_it() {
        let lock = lock("activity");
        let names: Vec<&str> = lock.lines().filter(|line| line.starts_with("name = ")).collect();
        assert!(names.is_sorted() && names.contains(&"name = \"activity\""), "{names:?}");
        assert!(lock.starts_with("# This file is automatically @generated by Cargo."), "{lock}");
    }

    #[test]
    fn every_lib_is_at_most_a_page() {
        for template in Template::ALL {
            let texts = template.texts();
            let text = texts.package.map_or(texts.project, |package| package.transform);
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            assert!(code.lines().count() <= 75, "{}", template.name());
        }
    }
}
