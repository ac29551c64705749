//! Recording: the requests of one commit, by plan, in numbered batches.

use std::ops::Range;
use std::sync::Arc;

use super::scan::batch_checksum;
use super::{Head, ServedBatch, ServedPlan, ServedSink, StoredBatch, body};
use crate::log::LogError;
use crate::log::checksum::Checksum;

/// Plans whose digests are remembered.
const PLANS_KNOWN_MAX: usize = 256;

/// The memory of requests that are enough for a batch; one that is larger has a batch of its own.
const BATCH_BYTES: usize = 16 << 20;

/// What recording did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The numbers of the vectors: those of the first plan in order, then those of the next.
    pub ids: Range<u64>,
    /// How many older vectors made room for them.
    pub expired: u64,
}

/// The one that records into a place for served vectors.
pub struct ServedWriter<S: ServedSink + ?Sized = dyn ServedSink> {
    /// The digests of plans.
    digests: Vec<(Arc<ServedPlan>, Arc<str>)>,
    /// How far the place goes, as this process left it.
    head: Option<Head>,
    checksum: Checksum,
    sink: Box<S>,
}

impl<S: ServedSink + ?Sized> ServedWriter<S> {
    /// Records into `sink`.
    pub fn new(sink: Box<S>) -> Self {
        Self { digests: Vec::new(), head: None, checksum: Checksum::default(), sink }
    }

    /// The place.
    pub fn sink(&self) -> &S {
        &self.sink
    }

    /// Records the vectors of requests at once: those of one plan are one batch, or several where they are large.
    pub fn record(&mut self, requests: &[ServedBatch]) -> Result<Recorded, LogError> {
        let before = match self.head {
            Some(head) => head,
            None => self.sink.head()?,
        };
        let mut head = before;
        let groups = groups_of(requests);
        let batches: Result<Vec<_>, _> = groups.iter().map(|group| self.batch(&mut head, &group.requests)).collect();
        // After a failure what is there counts.
        self.head = None;
        let after = self.sink.append(&batches?)?;
        self.head = Some(after);
        let expired = after.expired_vectors - before.expired_vectors;
        Ok(Recorded { ids: before.vectors + 1..after.vectors + 1, expired })
    }

    /// The requests as the batch after `head`, which then ends with it.
    fn batch(&mut self, head: &mut Head, requests: &[&ServedBatch]) -> Result<StoredBatch, LogError> {
        let as_ofs = || requests.iter().map(|request| request.as_of);
        let plan = &requests[0].plan;
        let mut batch = StoredBatch {
            number: head.last_batch + 1,
            plan: Arc::clone(plan),
            plan_digest: self.digest(plan),
            first_vector: head.vectors + 1,
            vectors: requests.iter().map(|request| request.vectors() as u64).sum(),
            requests: requests.len() as u64,
            first_as_of: as_ofs().min_by_key(|as_of| as_of.micros()).unwrap_or(requests[0].as_of),
            last_as_of: as_ofs().max_by_key(|as_of| as_of.micros()).unwrap_or(requests[0].as_of),
            last_offset: requests.iter().map(|request| request.offset).max().unwrap_or(0),
            checksum: 0,
            body: body::encode(plan, requests)?,
            path: self.sink.path().to_owned(),
        };
        batch.checksum = batch_checksum(&mut self.checksum, &batch.plan_digest, &batch.numbers(), &batch.body);
        head.last_batch = batch.number;
        head.vectors += batch.vectors;
        Ok(batch)
    }

    fn digest(&mut self, plan: &Arc<ServedPlan>) -> Arc<str> {
        if let Some((_, digest)) = self.digests.iter().find(|(known, _)| Arc::ptr_eq(known, plan)) {
            return Arc::clone(digest);
        }
        if self.digests.len() == PLANS_KNOWN_MAX {
            self.digests.clear();
        }
        let digest: Arc<str> = plan.digest().into();
        self.digests.push((Arc::clone(plan), Arc::clone(&digest)));
        digest
    }
}

/// Requests of one plan that become a batch.
struct Group<'a> {
    requests: Vec<&'a ServedBatch>,
    bytes: usize,
}

/// The requests by plan, in the order in which each plan comes first.
fn groups_of(requests: &[ServedBatch]) -> Vec<Group<'_>> {
    // Plans that are one `Arc`, or equal, are one. Which number each has, so that equal ones are compared once.
    let mut plans: Vec<(&Arc<ServedPlan>, usize)> = Vec::new();
    let mut groups: Vec<Vec<Group<'_>>> = Vec::new();
    for request in requests.iter().filter(|request| request.vectors() > 0) {
        let plan = &request.plan;
        let number = plans.iter().find(|(known, _)| Arc::ptr_eq(known, plan)).map(|(_, number)| *number);
        let number = number.unwrap_or_else(|| {
            let equal = plans.iter().find(|(known, _)| *known == plan).map(|(_, number)| *number);
            let number = equal.unwrap_or(groups.len());
            plans.push((plan, number));
            number
        });
        if number == groups.len() {
            groups.push(Vec::new());
        }
        let bytes = request.memory_bytes();
        match groups[number].last_mut().filter(|group| group.bytes + bytes <= BATCH_BYTES) {
            Some(group) => {
                group.requests.push(request);
                group.bytes += bytes;
            }
            None => groups[number].push(Group { requests: vec![request], bytes }),
        }
    }
    groups.into_iter().flatten().collect()
}
