"""Health of what is served: drift, profiles of training sets, freshness, and materializations."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, TypeVar, overload

from . import _html, _onepath
from ._errors import InputError, RequestError
from ._facts import Facts
from ._frames import needed
from ._job import RetrievalJob
from ._progress import warn
from ._times import Naive, is_utc

#: A moment: a time, or a length of time back from now (``"24h"``, or a ``timedelta``).
Moment = str | date | timedelta

#: A training set: a job, or the path of its manifest (``OUT.manifest.json``) or of itself.
TrainingSet = RetrievalJob | str | os.PathLike[str]


class FeatureDrift(Facts):
    """One feature, compared: what ``host/docs/monitor.md`` calls the figures of drift."""

    @property
    def name(self) -> str:
        """Its reference, such as ``activity@v1:purchases``."""
        return str(self["feature"])

    @property
    def verdict(self) -> str:
        """``"ok"``, ``"warn"``, ``"unstable"``, or ``"too_few"`` with fewer than 200 rows on one side."""
        return str(self["verdict"])

    @property
    def n(self) -> int:
        """Vectors or rows that were looked at."""
        return int(self["n"])

    @property
    def psi(self) -> float | None:
        """The population stability index over the bins of the reference: 0.1 is worth a look, 0.2 another distribution."""
        psi: float | None = self["psi"]
        return psi

    @property
    def ks(self) -> tuple[float, float] | None:
        """The test of Kolmogorov and Smirnov: D (the greatest distance of the two distributions, 0 to 1) and p."""
        ks = self["ks"]
        return None if ks is None else (float(ks["d"]), float(ks["p"]))

    @property
    def nulls(self) -> tuple[float, float]:
        """The share of nulls, 0 to 1: in the reference, and in what was looked at."""
        return float(self["reference_nulls"]["share"]), float(self["nulls"]["share"])

    @property
    def mean_shift(self) -> float | None:
        """How far the mean has moved, in standard deviations of the reference."""
        shift: float | None = self["mean_shift"]
        return shift

    @property
    def new_categories(self) -> list[str]:
        """The most frequent values that the reference does not have, of texts whose values the project allows to be profiled."""
        return [str(category["value"]) for category in self["new_categories"]]

    @property
    def findings(self) -> list[dict[str, str]]:
        """What was found, the most severe first: ``kind``, ``severity``, ``cause`` and ``text``."""
        return list(self["findings"])

    @property
    def bins(self) -> list[dict[str, Any]]:
        """The bins of the reference, with how many values each side has in them: ``reference`` and ``observed``."""
        return list(self["bins"])


class Drift:
    """What the distributions of features say: what was served beside a training set, or another time, or another training set."""

    def __init__(self, report: Mapping[str, Any]) -> None:
        self._report = report
        self._features = [FeatureDrift(feature) for feature in report["features"]]

    @property
    def verdict(self) -> str:
        """The worst of all features: ``"ok"``, ``"warn"``, ``"unstable"``, or ``"too_few"`` where none has enough rows."""
        return str(self._report["verdict"])

    @property
    def is_alert(self) -> bool:
        """Whether something is worth a look, or worse."""
        return self.verdict in ("warn", "unstable")

    @property
    def features(self) -> list[FeatureDrift]:
        """The features, in the order of the reference."""
        return list(self._features)

    @property
    def findings(self) -> list[dict[str, str]]:
        """What was found of all features: ``feature``, ``kind``, ``severity``, ``cause`` and ``text``."""
        return [{"feature": feature.name, **finding} for feature in self._features for finding in feature.findings]

    def feature(self, name: str) -> FeatureDrift:
        """One feature, by its name (``purchases``) or its reference (``activity:purchases``, ``activity@v1:purchases``)."""
        return _the(self._features, name)

    def to_dict(self) -> dict[str, Any]:
        """The whole report, as ``onepath monitor drift --format json`` prints it."""
        return dict(self._report)

    def to_df(self) -> Any:
        """A DataFrame of pandas: a row for each feature. Nulls are shares, 0 to 1; ``mean_shift`` is in deviations of the reference."""
        return needed("pandas", "to_df()", "pandas").DataFrame([_figures(feature) for feature in self._features])

    def plot(self, feature: str | None = None, *, cumulative: bool = False) -> Any:
        """Draws the reference beside what was looked at, by the deciles (or categories) of the reference.

        ``feature`` names one, and the answer is its ``Axes`` of matplotlib; without it all are drawn, and the answer is a list. With
        ``cumulative`` the shares up to each decile are drawn: the greatest gap of such curves is what KS D measures.
        """
        from . import _plots

        names = (_short(self._report["reference"]["what"]), _short(self._report["observed"]["what"]))
        if feature is not None:
            return _plots.drifts([self.feature(feature)], names, cumulative)[0]
        return _plots.drifts(self._features, names, cumulative)

    def _sides(self) -> str:
        sides = [(side["what"], side["rows"]) for side in (self._report["reference"], self._report["observed"])]
        return "; ".join(f"{name}: {what}, {rows:,} rows" for name, (what, rows) in zip(("usual", "looked at"), sides, strict=True))

    def __repr__(self) -> str:
        found = [f"  {_told(finding)}" for finding in self.findings]
        return "\n".join([f"<Drift {_words(self.verdict)}: {len(self._features)} features; {self._sides()}>", *found])

    def _repr_html_(self) -> str:
        header = ["feature", "verdict", "n", "nulls", "PSI", "KS D", "p", "mean shift", "found"]
        rows = []
        for feature in self._features:
            before, now = feature.nulls
            d, p = feature.ks or (None, None)
            found = "; ".join(f"{_words(finding['kind'])}: {finding['text']}" for finding in feature.findings)
            nulls = f"{before:.2%} → {now:.2%}"
            shift = "" if feature.mean_shift is None else f"{feature.mean_shift:+.2f}"
            figures = (_number(feature.psi), _number(d), "" if p is None else f"{p:.1e}" if p < 0.001 else f"{p:.3f}", shift)
            rows.append((feature.name, _words(feature.verdict), f"{feature.n:,}", nulls, *figures, found))
        return _html.table(f"drift: {_words(self.verdict)}", header, rows, self._sides())


class FeatureProfile(Facts):
    """The values of one feature in a training set: see "The profile of a training set" of ``host/docs/monitor.md``."""

    @property
    def name(self) -> str:
        """Its reference, such as ``activity@v1:purchases``."""
        return str(self["feature"])

    @property
    def measure(self) -> str:
        """Which number stands for a value: ``value``, ``age_us`` (microseconds), ``characters``, ``norm``, or ``none``."""
        return str(self["measure"])


class Profile:
    """The profile of a training set: nulls, extremes, mean, variance, deciles, and a sample of each feature."""

    def __init__(self, profile: Mapping[str, Any]) -> None:
        self._profile = profile
        self._features = [FeatureProfile(feature) for feature in profile["features"]]

    @property
    def rows(self) -> int:
        """Rows of the training set."""
        return int(self._profile["rows"])

    @property
    def features(self) -> list[FeatureProfile]:
        """The features, in the order of the training set."""
        return list(self._features)

    def feature(self, name: str) -> FeatureProfile:
        """One feature, by its name (``purchases``) or its reference (``activity:purchases``, ``activity@v1:purchases``)."""
        return _the(self._features, name)

    def to_dict(self) -> dict[str, Any]:
        """The whole profile, as ``OUT.profile.json`` has it."""
        return dict(self._profile)

    def to_df(self) -> Any:
        """A DataFrame of pandas: a row for each feature, without bins, categories and samples. Counts are of rows."""
        left_out = ("sample", "deciles", "categories")
        rows = [{name: fact for name, fact in feature.items() if name not in left_out} for feature in self._features]
        return needed("pandas", "to_df()", "pandas").DataFrame(rows)

    def plot(self, feature: str | None = None) -> Any:
        """Draws a histogram of the sample of a feature, or its most frequent categories.

        ``feature`` names one, and the answer is its ``Axes`` of matplotlib; without it all are drawn, and the answer is a list.
        """
        from . import _plots

        return _plots.profiles(self._features) if feature is None else _plots.profiles([self.feature(feature)])[0]

    def __repr__(self) -> str:
        return f"<Profile {self.rows:,} rows: {', '.join(feature.name for feature in self._features)}>"

    def _repr_html_(self) -> str:
        header = ["feature", "type", "measure", "nulls", "min", "mean", "max"]
        rows = []
        for feature in self._features:
            extremes = [_number(feature[name]) for name in ("min", "mean", "max")]
            rows.append((feature.name, feature["type"], feature.measure, f"{feature['nulls']:,}", *extremes))
        return _html.table(f"profile of {self.rows:,} rows", header, rows)


class Promise(Facts):
    """One promise of freshness, of a view or of some of its features, and whether it is kept."""

    @property
    def view(self) -> str:
        """The view, such as ``activity@v1``."""
        return str(self["view"])

    @property
    def is_kept(self) -> bool | None:
        """Whether it is kept: a view that never had an event breaks it. ``None`` where nothing is promised."""
        is_kept: bool | None = self["is_kept"]
        return is_kept

    @property
    def age_s(self) -> float | None:
        """How old the newest event is, in seconds; ``None`` where there never was one."""
        age: float | None = self["age_s"]
        return age

    @property
    def promised_s(self) -> float | None:
        """How old it may be, in seconds; ``None`` where nothing is promised."""
        promised: float | None = self["promised_s"]
        return promised


Entry = TypeVar("Entry", bound=Facts)


class _Entries(Sequence[Entry]):
    """Some entries, which are a table."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = list(entries)

    @overload
    def __getitem__(self, at: int) -> Entry: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Entry]: ...
    def __getitem__(self, at: int | slice) -> Entry | Sequence[Entry]:
        return self._entries[at]

    def __len__(self) -> int:
        return len(self._entries)

    def to_df(self) -> Any:
        """A DataFrame of pandas: a row for each, a column for each fact. Ages are in seconds."""
        return needed("pandas", "to_df()", "pandas").DataFrame([dict(entry) for entry in self._entries])


class Freshness(_Entries[Promise]):
    """How old the newest events of views are, beside what is promised: a :class:`Promise` for each view, and for features of their own."""

    def __init__(self, report: Mapping[str, Any], is_broken: bool) -> None:
        super().__init__([Promise(promise) for promise in report["promises"]])
        #: When that was, in RFC 3339.
        self.now = str(report["now"])
        #: Whether a promise is broken, for a view or, where they were asked for, for an entity.
        self.is_broken = is_broken

    @property
    def broken(self) -> list[Promise]:
        """The promises that are broken."""
        return [promise for promise in self if promise.is_kept is False]

    def __repr__(self) -> str:
        broken = ", ".join(_promised_of(promise) for promise in self.broken)
        state = f"BROKEN: {broken or 'for entities'}" if self.is_broken else "kept"
        return f"<Freshness {state}; {len(self)} promises at {self.now}>"

    def _repr_html_(self) -> str:
        header = ["view", "newest event", "age", "promised", "kept"]
        with_entities = any(promise["entities"] is not None for promise in self)
        rows = []
        for promise in self:
            kept = {True: "yes", False: "NO", None: ""}[promise.is_kept]
            row = [_promised_of(promise), promise["newest_event"] or "never", _age(promise.age_s), promise["promised"] or "", kept]
            entities = promise["entities"]
            if with_entities:
                row.append("" if entities is None else f"{entities['stale']:,} of {entities['all']:,}")
            rows.append(row)
        header += ["stale entities"] if with_entities else []
        return _html.table(f"freshness: {'BROKEN' if self.is_broken else 'kept'}", header, rows, f"at {self.now}")


class Materialization(Facts):
    """How often the files of a source are materialized, and when they were last."""

    @property
    def source(self) -> str:
        """The source."""
        return str(self["source"])

    @property
    def is_late(self) -> bool | None:
        """Whether it is more than twice as long ago as is usual; ``None`` where nobody knows how often it is materialized."""
        is_late: bool | None = self["is_late"]
        return is_late

    @property
    def age_s(self) -> float | None:
        """How long ago they were materialized last, in seconds; ``None`` where they never were."""
        age: float | None = self["age_s"]
        return age


class Materializations(_Entries[Materialization]):
    """Whether the files of sources are materialized in time: a :class:`Materialization` for each source with files."""

    def __init__(self, report: Mapping[str, Any], is_late: bool) -> None:
        super().__init__([Materialization(source) for source in report["sources"]])
        #: When that was, in RFC 3339.
        self.now = str(report["now"])
        #: Whether a source is late.
        self.is_late = is_late

    @property
    def late(self) -> list[Materialization]:
        """The sources that are late."""
        return [source for source in self if source.is_late]

    def __repr__(self) -> str:
        late = ", ".join(source.source for source in self.late)
        return f"<Materializations {f'LATE: {late}' if self.is_late else 'none is late'}; {len(self)} sources at {self.now}>"

    def _repr_html_(self) -> str:
        rows = []
        for source in self:
            every = "not known" if source["every_s"] is None else f"{_age(source['every_s'])}, by {source['every_by']}"
            late = {True: "LATE", False: "no", None: ""}[source.is_late]
            rows.append((source.source, source["up_to"] or "never", _age(source.age_s), every, late))
        title = f"materialization: {'LATE' if self.is_late else 'none is late'}"
        return _html.table(title, ["source", "materialized up to", "age", "every", "late"], rows, f"at {self.now}")


class MonitorMethods:
    """The health of a project: methods of :class:`FeatureStore`."""

    _native: _onepath.Store
    _server: _onepath.Server | None
    _lock: threading.RLock
    _default_naive: Naive

    def drift(
        self,
        against: TrainingSet | None = None,
        *,
        with_: TrainingSet | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        service: str | None = None,
        baseline: tuple[Moment, Moment] | None = None,
        naive: Naive = None,
    ) -> Drift:
        """Compares the distributions of features: of what was served with those of a training set, or of another time.

        ``against`` is the training set that counts as usual: a job, the path of its manifest, or its own. ``baseline=("14d", "7d")`` is
        what was served in another time instead. Looked at is what was served, of as-ofs from ``since`` (inclusive) to ``until``
        (exclusive), and of ``service``: by default all of the training set's service. ``with_`` is another training set that is looked at
        instead.

        A moment is a time (a ``datetime``, ``"2024-06-30"``), or a length of time back from now (``"24h"``, ``"7d"``, a ``timedelta``). No
        component runs. ``host/docs/monitor.md`` defines each figure, and what is an alert.
        """
        if (against is None) == (baseline is None):
            raise RequestError('give one of against (a training set) and baseline (a time, such as ("14d", "7d"))')
        if with_ is not None and (since is not None or until is not None or service is not None):
            raise RequestError("since, until and service choose of what was served, and with_ is a training set: leave one out")
        compared = {
            "against": None if against is None else _manifest(against),
            "baseline": None if baseline is None else tuple(_moment(moment) for moment in baseline),
            "with": None if with_ is None else _manifest(with_),
            "since": _moment(since),
            "until": _moment(until),
            "service": service,
            "naive": is_utc(self._default_naive if naive is None else naive),
        }
        with self._lock:
            if self._server is not None:
                # What was answered is recorded off the path of requests.
                self._server.flush()
        text, warnings = _onepath.drift(self._native, compared)
        warn(warnings)
        return Drift(json.loads(text))

    def freshness(self, *, entities: bool = False, most: int = 10) -> Freshness:
        """How old the newest events of views are, and which promises (``freshness`` in onepath.toml) that breaks.

        With ``entities``, those whose newest event is older than promised are counted, and the ``most`` oldest of each view are named;
        every state is read for that. While this store takes pushes, its views are as fresh as they are now, and its entities as their
        states were stored last, which may be some events ago.
        """
        with self._lock:
            text, is_broken, warnings = _onepath.freshness(self._native, self._server, most if entities else None)
        warn(warnings)
        return Freshness(json.loads(text), is_broken)

    def materializations(self) -> Materializations:
        """When the files of sources were materialized last, and which of them are late.

        A source is late where that is more than twice as long ago as it is usual: ``materialize_every`` of the source in onepath.toml, or
        else the median of its last ten runs.
        """
        text, is_late, warnings = _onepath.materializations(self._native)
        warn(warnings)
        return Materializations(json.loads(text), is_late)


def profile_of(manifest: str) -> Profile:
    """The profile that a manifest names, which lies beside it."""
    with open(manifest, encoding="utf-8") as file:
        named = json.load(file).get("profile")
    if named is None:
        raise InputError(f"the training set of {manifest} has no profile: make it again, without --no-profile")
    path = os.path.join(os.path.dirname(manifest), os.path.basename(named["file"]))
    try:
        with open(path, encoding="utf-8") as file:
            return Profile(json.load(file))
    except OSError as error:
        raise InputError(f"{path}, the profile of the training set of {manifest}, cannot be read: {error}") from error


def _manifest(training_set: TrainingSet) -> str:
    if isinstance(training_set, RetrievalJob):
        return str(training_set.report["manifest"])
    path = os.path.abspath(os.fspath(training_set))
    return path if path.endswith(".json") else f"{path}.manifest.json"


def _moment(moment: Moment | None) -> Any:
    if not isinstance(moment, timedelta):
        return moment
    if moment < timedelta(0):
        raise RequestError(f"a length of time goes back from now, and {moment} is less than nothing")
    return f"{moment // timedelta(microseconds=1)}us"


Named = TypeVar("Named", FeatureDrift, FeatureProfile)


def _the(features: Sequence[Named], name: str) -> Named:
    def names(reference: str) -> tuple[str, str, str]:
        view, _, short = reference.partition(":")
        return reference, f"{view.partition('@')[0]}:{short}", short

    found = [feature for feature in features if name in names(feature.name)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(feature.name for feature in found or features)
    raise RequestError(f"{name} is {'several of' if found else 'none of the features, which are'} {known}")


def _figures(feature: FeatureDrift) -> dict[str, Any]:
    before, now = feature.nulls
    d, p = feature.ks or (None, None)
    return {
        "feature": feature.name,
        "verdict": feature.verdict,
        "n": feature.n,
        "reference_n": feature["reference_n"],
        "nulls": now,
        "reference_nulls": before,
        "psi": feature.psi,
        "psi_p": feature["psi_p"],
        "ks_d": d,
        "ks_p": p,
        "mean": feature["mean"],
        "reference_mean": feature["reference_mean"],
        "mean_shift": feature.mean_shift,
        "findings": "; ".join(f"{_words(finding['kind'])}: {finding['text']}" for finding in feature.findings),
    }


def _promised_of(promise: Promise) -> str:
    features = ", ".join(promise["features"])
    return f"{promise.view}: {features}" if features else promise.view


def _told(finding: Mapping[str, str]) -> str:
    kind, cause = _words(finding["kind"]), _words(finding["cause"])
    return f"{finding['severity']}: {finding['feature']}: {kind} ({cause}): {finding['text']}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _short(what: str) -> str:
    return "training" if what.startswith("the training set") else "served"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.3f}" if abs(value) < 1e6 else f"{value:.4g}"


def _age(seconds: float | None) -> str:
    """A length of time as people say it, of two units at most."""
    if seconds is None:
        return ""
    sign, seconds = "-" if seconds < 0 else "", abs(seconds)
    if seconds < 60:
        return f"{sign}{seconds:.0f} s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{sign}{minutes} min"
    whole, unit, rest, unit_of_rest = (
        (minutes // 60, "h", minutes % 60, "min") if minutes < 2_880 else (minutes // 1_440, "d", minutes % 1_440 // 60, "h")
    )
    return f"{sign}{whole} {unit} {rest} {unit_of_rest}" if rest else f"{sign}{whole} {unit}"
