"""A model from its training to its serving: what MLflow has of the production model decides what may be served to it."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
import warnings
from pathlib import Path

import mlflow
import onepath
from sklearn.linear_model import LogisticRegression

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/churn"
FEATURES = ["purchase_count_30d", "avg_purchase_value_90d", "days_since_last_purchase", "return_rate_180d"]
PIN = "models:/churn@champion"


def train(folder):
    """Trains on a training set, logs both, and makes the model the champion."""
    with onepath.FeatureStore(folder) as store, mlflow.start_run() as run:
        job = store.get_historical_features(EXAMPLE / "data/labels.csv", "churn_v1", as_of="label_date")
        job.log_to_mlflow()
        frame = job.to_df()
        features = frame[FEATURES].astype("float64").fillna(0.0)
        model = LogisticRegression(max_iter=1_000).fit(features, frame.churned)
        logged = mlflow.sklearn.log_model(model, name="model", input_example=features.head(1), registered_model_name="churn")
    version = logged.registered_model_version
    mlflow.MlflowClient().set_registered_model_alias("churn", "champion", version)
    return run.info.run_id, job


def serve(folder):
    """Serves as production would, from the command line: the process, and its first line."""
    command = ["onepath", "--project", folder, "serve", "--listen", "127.0.0.1:0", "--pin", PIN]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return server, server.stdout.readline()


def memory(process):
    """The bytes that a process has in memory."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def main(work):
    folder = work / "churn/declared"
    for part in ("declared", "data"):
        shutil.copytree(EXAMPLE / part, work / "churn" / part, ignore=shutil.ignore_patterns(".onepath"))
    os.chdir(work)
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{work}/mlflow.db"
    mlflow.set_experiment("churn")
    # Hints about the schema of the model, which is not what is tried here.
    warnings.filterwarnings("ignore", category=UserWarning, module="mlflow")
    run, job = train(folder)
    with onepath.FeatureStore(folder) as store:
        store.materialize(up_to="2024-12-31")

    # What MLflow says of the run, and what is served.
    logged = mlflow.get_run(run).data.params
    assert logged["onepath.sha256"] == job.report["sha256"]
    server, line = serve(folder)
    try:
        url = line.split()[-1]
        (view,) = json.load(urllib.request.urlopen(f"{url}/v1/views"))["views"]
        assert view["component"] == logged["onepath.component.activity.v1"], (view, logged)
        # The model asks, as it was trained.
        answer = onepath.Client(url).get_online_features("churn_v1", [{"customer_id": "c207"}], as_of="2024-12-31T12:00:00Z")
        model = mlflow.sklearn.load_model(PIN)
        (chance,) = model.predict_proba(answer.to_df()[FEATURES].astype("float64").fillna(0.0))[:, 1]
        assert 0.0 < chance < 1.0
        assert memory(server) < 300 << 20, "the process that serves has MLflow in its memory"
    finally:
        server.terminate()
    assert server.wait() == 0, server.stderr.read()

    # Another definition of a feature: the production model is not served it.
    project = folder / "onepath.toml"
    text = project.read_text()
    project.write_text(text.replace('window = "30d"', 'window = "31d"'))
    with onepath.FeatureStore(folder) as store:
        store.build()
        store.materialize(up_to="2024-12-31")
    server, line = serve(folder)
    refused = server.stderr.read()
    assert server.wait() == 2 and line == "", line
    assert PIN in refused and "view activity@v1, component: trained with" in refused, refused
    print(refused.strip())

    # Trained again, it is.
    train(folder)
    server, line = serve(folder)
    server.terminate()
    assert server.wait() == 0 and "listening" in line, line
    print("ok: a model was trained, logged, pinned and served; another definition was refused until it was trained again")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
