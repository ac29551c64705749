//! What `cargo metadata` says of a package: its folders, and the packages that it is made of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::TARGET;
use super::cargo::{BuildError, clean_command};
use super::sdk_cache::Sdk;
use crate::digest::hex;

/// The package that transforms are written with.
const SDK: &str = "onepath-sdk";

/// A package, its workspace, and what its components are made of.
pub(super) struct Package {
    pub manifest: PathBuf,
    pub cdylib: String,
    pub workspace: PathBuf,
    pub target_dir: PathBuf,
    /// Folders of all packages that lie in folders of their own, outside the registry, with their names.
    pub local: Vec<(PathBuf, String)>,
    /// Those of them that a component of the workspace depends on, without a copy of the SDK within the workspace: cargo names the
    /// files of that copy by paths that are relative to the workspace.
    pub named_by_path: Vec<(PathBuf, String)>,
    /// The copy of the SDK within the workspace, if it is the only package in a folder that components depend on.
    pub sdk: Option<Sdk>,
}

impl Package {
    /// Asks cargo about the package in `manifest`.
    pub fn load(manifest: &Path) -> Result<Self, BuildError> {
        let dir = manifest.parent().unwrap_or(Path::new("."));
        let wrong = |message: String| BuildError::Metadata { path: dir.to_owned(), message };
        let absolute = std::fs::canonicalize(manifest).map_err(|error| wrong(error.to_string()))?;
        let mut cargo = clean_command("cargo", dir);
        cargo
            .args(["metadata", "--format-version", "1", "--filter-platform", TARGET, "--manifest-path"])
            .arg(&absolute);
        let output = cargo.output().map_err(|source| BuildError::NoTool { program: "cargo".to_owned(), source })?;
        if !output.status.success() {
            return Err(wrong(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        let json: Value = serde_json::from_slice(&output.stdout).map_err(|error| wrong(error.to_string()))?;
        let packages = json["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
        let own = packages.iter().find(|package| Path::new(text(&package["manifest_path"])) == absolute);
        let own = own.ok_or_else(|| wrong("it is a workspace without a package of its own".to_owned()))?;
        let cdylib = cdylib(own).ok_or_else(|| BuildError::NoCdylib { path: dir.to_owned() })?;
        let workspace = PathBuf::from(text(&json["workspace_root"]));
        let graph = Graph::new(&json, packages);
        let components = packages.iter().filter(|package| cdylib_of_member(&json, package));
        let needed = graph.below(components.map(|package| text(&package["id"])));
        let local = |package: &&Value| package["source"].is_null();
        let sdk = packages.iter().filter(local).find(|package| text(&package["name"]) == SDK);
        let sdk = sdk.filter(|sdk| folder(sdk).starts_with(&workspace));
        let of_sdk = sdk.map(|sdk| graph.below([text(&sdk["id"])])).unwrap_or_default();
        let is_sdk = |package: &&Value| {
            sdk.is_some_and(|sdk| folder(package).starts_with(folder(sdk)))
                && (sdk.is_some_and(|sdk| sdk["id"] == package["id"]) || of_sdk.contains(text(&package["id"])))
        };
        let named_by_path = packages.iter().filter(local).filter(|package| needed.contains(text(&package["id"])));
        let named_by_path: Vec<_> = named_by_path.filter(|package| !is_sdk(package)).map(place).collect();
        let sdk = sdk.filter(|sdk| named_by_path.is_empty() && needed.contains(text(&sdk["id"])));
        let sdk = sdk.map(|sdk| graph.sdk(sdk, &of_sdk, &workspace));
        Ok(Self {
            manifest: absolute.clone(),
            cdylib: cdylib.to_owned(),
            target_dir: PathBuf::from(text(&json["target_directory"])),
            local: packages.iter().filter(local).map(place).collect(),
            named_by_path,
            sdk,
            workspace,
        })
    }

    /// The folder of the package, with its name.
    pub fn own(&self) -> Option<&(PathBuf, String)> {
        self.local.iter().find(|(dir, _)| self.manifest.parent() == Some(dir))
    }

    /// The folder to build in.
    pub fn build_dir(&self) -> PathBuf {
        let dir = self.target_dir.join("onepath");
        if self.target_dir.starts_with(&self.workspace) {
            return dir;
        }
        let digest = Sha256::digest(self.workspace.as_os_str().as_encoded_bytes());
        dir.join(hex(&digest[..8]))
    }
}

/// Which package needs which.
struct Graph<'a> {
    packages: BTreeMap<&'a str, &'a Value>,
    nodes: BTreeMap<&'a str, &'a Value>,
}

impl<'a> Graph<'a> {
    fn new(json: &'a Value, packages: &'a [Value]) -> Self {
        let nodes = json["resolve"]["nodes"].as_array().map(Vec::as_slice).unwrap_or_default();
        let by_id = |values: &'a [Value]| values.iter().map(|value| (text(&value["id"]), value)).collect();
        Self { packages: by_id(packages), nodes: by_id(nodes) }
    }

    /// The packages that some need, tests aside.
    fn below(&self, some: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
        let (mut found, mut next): (_, Vec<&str>) = (BTreeSet::new(), some.into_iter().collect());
        while let Some(id) = next.pop() {
            let needed = self.nodes.get(id).and_then(|node| node["deps"].as_array()).into_iter().flatten();
            let is_for_tests =
                |kinds: &Value| kinds.as_array().is_some_and(|kinds| kinds.iter().all(|kind| kind["kind"] == "dev"));
            for package in needed.filter(|package| !is_for_tests(&package["dep_kinds"])) {
                let id = text(&package["pkg"]);
                if found.insert(id) {
                    next.push(id);
                }
            }
        }
        found
    }

    /// The SDK with what it needs: names of packages, and a text of their versions, sources and features.
    fn sdk(&self, sdk: &'a Value, below: &BTreeSet<&'a str>, workspace: &Path) -> Sdk {
        let all = below.iter().copied().chain([text(&sdk["id"])]);
        let (mut names, mut resolved) = (BTreeSet::new(), String::new());
        for package in all.filter_map(|id| self.packages.get(id)) {
            let (name, version, source) = (&package["name"], &package["version"], &package["source"]);
            names.insert(text(name).to_owned());
            let features = self.nodes.get(text(&package["id"])).map_or(&Value::Null, |node| &node["features"]);
            resolved += &format!("{name} {version} {source} {features}\n");
        }
        let folder = folder(sdk);
        let within = folder.strip_prefix(workspace).unwrap_or(&folder).to_owned();
        Sdk { folder, within, names, resolved }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The name of the library that becomes a component.
fn cdylib(package: &Value) -> Option<&str> {
    let is_cdylib = |target: &&Value| {
        target["crate_types"].as_array().is_some_and(|types| types.iter().any(|kind| kind == "cdylib"))
    };
    package["targets"].as_array()?.iter().find(is_cdylib).map(|target| text(&target["name"]))
}

/// Whether a package is a member of the workspace and becomes a component.
fn cdylib_of_member(json: &Value, package: &Value) -> bool {
    let members = json["workspace_members"].as_array();
    members.is_some_and(|members| members.contains(&package["id"])) && cdylib(package).is_some()
}

fn folder(package: &Value) -> PathBuf {
    let manifest = Path::new(text(&package["manifest_path"]));
    manifest.parent().unwrap_or(manifest).to_owned()
}

fn place(package: &Value) -> (PathBuf, String) {
    (folder(package), text(&package["name"]).to_owned())
}
