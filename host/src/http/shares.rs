//! What is limited, shared so that nobody gets all of it.
//!
//! A party (a client, a view) may take more only while at least as much is free as it would then have. Alone it gets half, two of
//! them a third each, and whoever comes next finds something left. The rule is the one by which switches share a buffer among
//! their ports (A. Choudhury, E. Hahne, "Dynamic queue length thresholds for shared-memory packet switches", 1998, factor 1).

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Whose use is counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Party {
    /// All requests of a kind.
    All(Kind),
    /// The requests of a kind from one client.
    Client(IpAddr, Kind),
    /// Long questions of one view.
    View(String),
    /// Those of one client, who has no part of its own: who has less comes first among those that wait.
    Turn(IpAddr),
}

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Question,
    Push,
    Other,
}

/// The client behind an address: of IPv6 the network of 64 bits, which one client has whole.
pub(super) fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address => address,
    }
}

/// Something limited.
#[derive(Debug)]
pub(super) struct Share {
    max: usize,
    /// The most that one client or one view may have, however much is free.
    each_max: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    sum: usize,
    by: HashMap<Party, usize>,
    /// Those that wait, by who shares with them: many wait for few parties.
    waiting: Vec<Waiting>,
    /// How many have waited so far.
    came: u64,
}

/// Those that wait for the same parties, each with its number, the first first.
#[derive(Debug)]
struct Waiting {
    parties: Arc<[Party]>,
    turns: VecDeque<(u64, oneshot::Sender<Room>)>,
}

/// Why nothing more was given.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// Everything is taken.
    All,
    /// This party has its part, so much of it.
    Party(Party, usize),
}

/// A part that somebody has; dropped, it is free again.
#[derive(Debug)]
pub(super) struct Room {
    share: Arc<Share>,
    parties: Arc<[Party]>,
    amount: usize,
}

impl Share {
    pub(super) fn new(max: usize, each_max: usize) -> Arc<Self> {
        Arc::new(Self { max: max.max(1), each_max: each_max.max(1), taken: Mutex::default() })
    }

    pub(super) fn max(&self) -> usize {
        self.max
    }

    /// Takes `amount` for all of `parties`, if it is there for each of them.
    pub(super) fn take(self: &Arc<Self>, parties: impl Into<Arc<[Party]>>, amount: usize) -> Result<Room, Lack> {
        let parties = parties.into();
        let mut taken = self.lock();
        taken.check(self, &parties, amount)?;
        taken.add(&parties, amount);
        drop(taken);
        Ok(Room { share: Arc::clone(self), parties, amount })
    }

    /// Takes one for all of `parties`, in turn: first whose [`Party::Turn`] has least, then who came first. Who waits for a party that
    /// has its part is passed by the others.
    pub(super) async fn turn(self: &Arc<Self>, parties: impl Into<Arc<[Party]>>) -> Room {
        let (turn, room) = oneshot::channel();
        {
            let mut taken = self.lock();
            taken.wait(parties.into(), turn);
        }
        self.wake();
        room.await.expect("whoever waits is kept until it has its turn")
    }

    /// Gives what is free to those who wait and may have it.
    fn wake(self: &Arc<Self>) {
        // A room for somebody who has gone is dropped, which takes the lock: outside of it.
        let mut gone = Vec::new();
        let mut taken = self.lock();
        while let Some((parties, turn)) = taken.next(self) {
            taken.add(&parties, 1);
            let room = Room { share: Arc::clone(self), parties, amount: 1 };
            gone.extend(turn.send(room).err());
        }
        drop(taken);
        drop(gone);
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn wait(&mut self, parties: Arc<[Party]>, turn: oneshot::Sender<Room>) {
        self.came += 1;
        let turn = (self.came, turn);
        match self.waiting.iter_mut().find(|waiting| waiting.parties == parties) {
            Some(waiting) => waiting.turns.push_back(turn),
            None => self.waiting.push(Waiting { parties, turns: VecDeque::from([turn]) }),
        }
    }

    /// Who is next of those that wait.
    fn next(&mut self, share: &Share) -> Option<(Arc<[Party]>, oneshot::Sender<Room>)> {
        self.waiting.retain_mut(|waiting| {
            while waiting.turns.front().is_some_and(|(_, turn)| turn.is_closed()) {
                waiting.turns.pop_front();
            }
            !waiting.turns.is_empty()
        });
        if self.sum >= share.max {
            return None;
        }
        let order = |waiting: &Waiting| {
            let turns = waiting.parties.iter().filter(|party| matches!(party, Party::Turn(_)));
            let has: usize = turns.filter_map(|party| self.by.get(party)).sum();
            (has, waiting.turns.front().map(|(came, _)| *came))
        };
        let may = |waiting: &Waiting| self.check(share, &waiting.parties, 1).is_ok();
        let next = self.waiting.iter().enumerate().filter(|(_, waiting)| may(waiting));
        let (at, _) = next.min_by_key(|(_, waiting)| order(waiting))?;
        let waiting = &mut self.waiting[at];
        let (_, turn) = waiting.turns.pop_front()?;
        Some((Arc::clone(&waiting.parties), turn))
    }

    fn check(&self, share: &Share, parties: &[Party], amount: usize) -> Result<(), Lack> {
        let free = share.max - self.sum;
        if amount > free {
            return Err(Lack::All);
        }
        for party in parties {
            let most = match party {
                Party::All(_) => free,
                Party::Client(..) | Party::View(_) => share.each_max.min(free),
                Party::Turn(_) => continue,
            };
            let has = self.by.get(party).copied().unwrap_or(0);
            if has + amount > most {
                return Err(Lack::Party(party.clone(), has));
            }
        }
        Ok(())
    }

    fn add(&mut self, parties: &[Party], amount: usize) {
        self.sum += amount;
        for party in parties {
            *self.by.entry(party.clone()).or_default() += amount;
        }
    }

    fn give_back(&mut self, parties: &[Party], amount: usize) {
        self.sum -= amount;
        for party in parties {
            if let Some(has) = self.by.get_mut(party) {
                *has -= amount;
                if *has == 0 {
                    self.by.remove(party);
                }
            }
        }
    }
}

impl Room {
    /// Takes so much more.
    pub(super) fn grow(&mut self, amount: usize) -> Result<(), Lack> {
        let mut taken = self.share.lock();
        taken.check(&self.share, &self.parties, amount)?;
        taken.add(&self.parties, amount);
        drop(taken);
        self.amount += amount;
        Ok(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let is_awaited = {
            let mut taken = self.share.lock();
            taken.give_back(&self.parties, self.amount);
            !taken.waiting.is_empty()
        };
        if is_awaited {
            self.share.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn view(name: &str) -> Vec<Party> {
        vec![Party::View(name.to_owned())]
    }

    fn take_all(share: &Arc<Share>, name: &str) -> Vec<Room> {
        std::iter::from_fn(|| share.take(view(name), 1).ok()).collect()
    }

    #[test]
    fn one_party_gets_half_and_whoever_comes_next_finds_something() {
        let share = Share::new(64, 64);
        let had: Vec<Vec<Room>> = ["a", "b", "c", "d", "e"].map(|name| take_all(&share, name)).into();
        assert_eq!(had.iter().map(Vec::len).collect::<Vec<_>>(), [32, 16, 8, 4, 2]);
        assert_eq!(share.take(view("a"), 1).expect_err("has its part"), Lack::Party(Party::View("a".into()), 32));
        drop(had);
        assert_eq!(take_all(&share, "f").len(), 32, "all was given back");
        assert!(share.lock().by.is_empty() && share.lock().sum == 0, "nobody is remembered");
    }

    #[test]
    fn no_party_gets_more_than_its_limit() {
        let share = Share::new(64, 5);
        let had = take_all(&share, "a");
        assert_eq!(had.len(), 5);
        let mut grown = share.take(view("b"), 3).expect("is free");
        assert_eq!(grown.grow(3), Err(Lack::Party(Party::View("b".into()), 3)));
        assert_eq!(grown.grow(2), Ok(()));
    }

    #[test]
    fn who_waits_for_a_view_is_passed_by_those_of_another() {
        let share = Share::new(4, 4);
        let mut had = take_all(&share, "slow");
        assert_eq!(had.len(), 2);
        let context = &mut Context::from_waker(Waker::noop());
        let mut first = pin!(share.turn(view("slow")));
        assert!(first.as_mut().poll(context).is_pending());
        let mut gone = Box::pin(share.turn(view("slow")));
        assert!(gone.as_mut().poll(context).is_pending());
        drop(gone);
        let mut other = pin!(share.turn(view("other")));
        let Poll::Ready(other) = other.as_mut().poll(context) else { panic!("the other view has room") };
        had.pop();
        assert!(first.as_mut().poll(context).is_ready(), "one of its own view has ended");
        drop((had, other));
        assert_eq!(share.lock().sum, 0, "who has gone has nothing");
    }

    #[test]
    fn who_has_less_comes_first() {
        let share = Share::new(2, 2);
        let of = |last: u8| vec![Party::Turn(IpAddr::from([10, 0, 0, last]))];
        let both = [share.take(of(1), 1), share.take(of(1), 1)];
        let context = &mut Context::from_waker(Waker::noop());
        let mut waiting = [1, 1, 2].map(|last| Box::pin(share.turn(of(last))));
        assert!(waiting.iter_mut().all(|turn| turn.as_mut().poll(context).is_pending()));
        let [first, second] = both;
        drop(first);
        let Poll::Ready(third) = waiting[2].as_mut().poll(context) else { panic!("it has nothing yet") };
        assert!(waiting[0].as_mut().poll(context).is_pending());
        drop((second, third));
        assert!(waiting[..2].iter_mut().all(|turn| turn.as_mut().poll(context).is_ready()));
    }

    #[test]
    fn a_client_is_an_address_or_a_network_of_ipv6() {
        let of = |text: &str| client(text.parse().expect("an address")).to_string();
        assert_eq!(of("10.1.2.3"), "10.1.2.3");
        assert_eq!(of("::ffff:10.1.2.3"), "10.1.2.3");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    }
}
