//! The marks of states when a server opens: of which history, identity and epoch of the log they are.

use super::PushError;
use crate::feature_store::PlannedView;
use crate::log::LogReader;
use crate::store::{OnlineStore, StoreReader, ViewMark};

/// The history that the states of views began from: the one that they name. Another one that the log has is of a `materialize`
/// that did not come to its end.
pub(super) fn history_of(
    log: &dyn LogReader,
    store: &dyn StoreReader,
    views: &[PlannedView],
) -> Result<Option<i64>, PushError> {
    for view in views {
        if let Some(mark) = store.mark(view.program.id())? {
            return Ok(mark.history);
        }
    }
    // Without states: those that are missing began from it.
    Ok(log.latest_history()?.map(|(id, _)| id))
}

/// Drops states of an epoch of the log that a repair has ended, if they are of the log alone, so that they are folded again.
pub(super) fn drop_earlier_epoch(
    log: &dyn LogReader,
    reader: &dyn StoreReader,
    (store, term): (&dyn OnlineStore, u64),
    views: &[PlannedView],
    history: Option<i64>,
) -> Result<(), PushError> {
    let mut has_earlier = false;
    for view in views {
        let Some(mark) = reader.mark(view.program.id())? else { continue };
        if log.epoch_of(&mark.log).is_none_or(|epoch| epoch >= log.epoch()) {
            continue;
        }
        if mark.history.is_some() || history.is_some() || !mark.identity.changes(&view.identity).is_empty() {
            let view = view.program.id().to_owned();
            return Err(PushError::EarlierEpoch { view, path: log.path().to_owned() });
        }
        has_earlier = true;
    }
    if has_earlier {
        let mut replacement = store.begin_replace(term)?;
        views.iter().try_for_each(|view| replacement.begin_view(view.program.id()))?;
        let marks: Vec<ViewMark> = views.iter().map(|view| view.new_mark(log.identity())).collect();
        replacement.commit(&marks)?;
    }
    Ok(())
}

/// The mark of a view's states, if they are of its identity, this log and the history of the others.
pub(super) fn checked(
    mark: ViewMark,
    log: &dyn LogReader,
    view: &PlannedView,
    history: Option<i64>,
) -> Result<ViewMark, PushError> {
    let program = &view.program;
    let changes = mark.identity.changes(&view.identity);
    if !changes.is_empty() {
        return Err(PushError::OtherIdentity { view: program.id().to_owned(), changes });
    }
    if mark.log != log.identity() {
        return Err(PushError::OtherLog { view: program.id().to_owned(), path: log.path().to_owned() });
    }
    if mark.history != history {
        return Err(PushError::NotMaterialized { view: program.id().to_owned() });
    }
    Ok(mark)
}
