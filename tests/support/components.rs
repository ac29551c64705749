//! The components of the tests, built once a run with the host's own builder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use onepath::build::build_component;
use onepath::feature_store::{FeatureStore, OpenOptions};

use super::{DECLARED, DECLARED_CHURN};

/// The component files, and compiled code of them for projects to start from.
pub struct Components {
    /// The folder of the files.
    pub dir: PathBuf,
    /// The churn example.
    pub churn: PathBuf,
    /// Shows the order in which events were applied.
    pub trace: PathBuf,
    /// Trace with its features in another order.
    pub retrace: PathBuf,
    /// Reads a request field and another view's feature.
    pub cart: PathBuf,
    /// Joins features of views of two entities.
    pub weigh: PathBuf,
    /// Every kind of aggregate.
    pub kinds: PathBuf,
    /// A transform with a parameter.
    pub scaled: PathBuf,
    /// Shows what it was given, of every type.
    pub seen: PathBuf,
    /// Compiled code, as a project keeps it.
    pub cache: PathBuf,
}

/// The folder of the sources.
pub fn repository() -> PathBuf {
    let host = Path::new(env!("CARGO_MANIFEST_DIR"));
    host.parent().expect("the host is a folder of the repository").to_owned()
}

/// The components; the first caller builds them.
pub fn components() -> &'static Components {
    static BUILT: OnceLock<Components> = OnceLock::new();
    BUILT.get_or_init(build)
}

/// The component of one package of the repository, such as `examples/fraud/transforms/card`; the first caller builds it.
pub fn component(package: &str) -> PathBuf {
    static BUILT: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());
    let mut built = BUILT.lock().expect("no build panicked");
    built.entry(package.to_owned()).or_insert_with(|| build_as(package, &package.replace('/', "-"))).clone()
}

/// The folder in which these tests build.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("integration")
}

fn build_as(package: &str, name: &str) -> PathBuf {
    let output = folder().join("components").join(format!("{name}.wasm"));
    build_component(&repository().join(package), &output, &mut |_| {}).expect("the package builds");
    output
}

fn build() -> Components {
    let (dir, built) = (folder(), build_as);
    let warm = dir.join("warm");
    let components = Components {
        churn: built("transforms/churn", "churn"),
        trace: built("tests/transforms/trace", "trace"),
        retrace: built("tests/transforms/retrace", "retrace"),
        cart: built("tests/transforms/cart", "cart"),
        weigh: built("tests/transforms/weigh", "weigh"),
        kinds: built("tests/transforms/kinds", "kinds"),
        scaled: built("tests/transforms/scaled", "scaled"),
        seen: built("tests/transforms/seen", "seen"),
        cache: warm.join(".onepath").join("cache"),
        dir: dir.join("components"),
    };
    compile(&warm, &components);
    components
}

/// Compiles every component once, so that no test spends its time on it.
fn compile(warm: &Path, components: &Components) {
    // What an earlier version of the components left behind is of no use.
    let _ = std::fs::remove_dir_all(warm);
    std::fs::create_dir_all(warm).expect("a folder for compiled code");
    let view = |name: &str, path: &Path| {
        format!("[views.{name}]\nsources = [\"events\"]\ntransform = \"{}\"\n", path.display())
    };
    let cart = format!(
        "[views.cart]\ninputs = [\"churn:purchase_count_30d\", \"request:cart_value\"]\ntransform = \"{}\"\n",
        components.cart.display()
    );
    let (fields, features) = DECLARED_CHURN;
    let declared = format!(
        "[views.declared]\nsources = [\"events\"]\n{DECLARED}[sources.whole]\nentity = \"customer\"\nevent_time = \"event_timestamp\"\n\
         [sources.whole.fields]\n{fields}[views.whole]\nsources = [\"whole\"]\n[views.whole.features]\n{features}"
    );
    let toml = format!(
        "[project]\nname = \"warm\"\n[entities.customer]\nkeys = {{ customer_id = \"text\" }}\n[sources.events]\n\
         entity = \"customer\"\nevent_time = \"event_timestamp\"\n{}{}{}{}{}parameters = {{ days = 7 }}\n{cart}{declared}",
        view("churn", &components.churn),
        view("trace", &components.trace),
        view("retrace", &components.retrace),
        view("seen", &components.seen),
        view("kinds", &components.kinds),
    );
    std::fs::write(warm.join("onepath.toml"), toml).expect("writes");
    let store = FeatureStore::open(warm, OpenOptions::default()).expect("opens");
    for view in store.project().views.clone() {
        store.program(&view).expect("loads");
    }
}
