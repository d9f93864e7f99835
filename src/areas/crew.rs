//! A batch by several threads at the same time: commits of a storage engine's writers, which the filesystem may let share a flush; readers of
//! one file.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use crate::engine::method::{Account, Draw, Method, Opened, Trouble};
use crate::os::SysError;

/// A method whose operations several threads can share.
pub(super) trait Shareable: Method + Send + Sync + 'static {
    /// Which operations are the next `ops`.
    fn advance(&mut self, ops: u64) -> Range<usize>;

    /// Does the part of `all` that falls to the thread at `place` of so many.
    fn work(&self, place: usize, threads: usize, all: Range<usize>) -> Result<(), SysError>;
}

/// The method by so many threads: by itself, or by a crew.
pub(super) fn open<C: Shareable>(threads: u64, method: C) -> Opened {
    match threads {
        1 => Ok(Box::new(method)),
        threads => Ok(Box::new(Crew::new(method, threads as usize)?)),
    }
}

/// Threads that share the operations of a batch; the one that measures is one of them. They sleep between batches.
struct Crew<C> {
    shared: Arc<Shared<C>>,
    hands: Vec<JoinHandle<()>>,
    threads: usize,
}

struct Shared<C> {
    method: RwLock<C>,
    /// The operations to be done.
    from: AtomicU64,
    to: AtomicU64,
    begin: Barrier,
    end: Barrier,
    is_over: AtomicBool,
    failure: Mutex<Option<SysError>>,
}

impl<C: Shareable> Crew<C> {
    fn new(method: C, threads: usize) -> Result<Self, Trouble> {
        let shared = Arc::new(Shared {
            method: RwLock::new(method),
            from: AtomicU64::new(0),
            to: AtomicU64::new(0),
            begin: Barrier::new(threads),
            end: Barrier::new(threads),
            is_over: AtomicBool::new(false),
            failure: Mutex::new(None),
        });
        let mut crew = Self { shared, hands: Vec::new(), threads };
        for place in 1..threads {
            let shared = Arc::clone(&crew.shared);
            let hand = std::thread::Builder::new()
                .spawn(move || shared.serve(place, threads))
                .map_err(|error| Trouble::Failed(format!("a thread cannot be started: {error}")))?;
            crew.hands.push(hand);
        }
        Ok(crew)
    }
}

impl<C: Shareable> Shared<C> {
    /// What a thread does until it is over.
    fn serve(&self, place: usize, threads: usize) {
        loop {
            self.begin.wait();
            if self.is_over.load(Ordering::Acquire) {
                return;
            }
            self.work(place, threads);
            self.end.wait();
        }
    }

    /// One thread's part.
    fn work(&self, place: usize, threads: usize) {
        let method = self.method.read().unwrap_or_else(PoisonError::into_inner);
        let (from, to) = (self.from.load(Ordering::Acquire), self.to.load(Ordering::Acquire));
        if let Err(error) = method.work(place, threads, from as usize..to as usize) {
            self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }

    fn alone<T>(&self, does: impl FnOnce(&mut C) -> T) -> T {
        does(&mut self.method.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<C: Shareable> Method for Crew<C> {
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        self.shared.alone(|method| method.prepare(draw))
    }

    fn enter(&mut self) -> Result<(), SysError> {
        self.shared.alone(Method::enter)
    }

    fn leave(&mut self) -> Result<(), SysError> {
        self.shared.alone(Method::leave)
    }

    fn run(&mut self, ops: u64) -> Result<(), SysError> {
        let next = self.shared.alone(|method| method.advance(ops));
        self.shared.from.store(next.start as u64, Ordering::Release);
        self.shared.to.store(next.end as u64, Ordering::Release);
        self.shared.begin.wait();
        self.shared.work(0, self.threads);
        self.shared.end.wait();
        self.shared.failure.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        self.shared.alone(Method::settle)
    }

    fn grain(&self) -> u64 {
        self.threads as u64
    }
}

impl<C> Drop for Crew<C> {
    /// Lets the threads go, if all of them were started; a crew that is not whole is never at its barrier, and ends with its process.
    fn drop(&mut self) {
        if self.hands.len() + 1 < self.threads {
            return;
        }
        self.shared.is_over.store(true, Ordering::Release);
        self.shared.begin.wait();
        for hand in self.hands.drain(..) {
            let _ = hand.join();
        }
    }
}
