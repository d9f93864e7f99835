//! In which order a worker calls its methods: each prepared right before its batch and settled right after it, in the round's order.

use std::cell::RefCell;
use std::rc::Rc;

use pagewise::engine::drag::Drag;
use pagewise::engine::method::{Account, Case, Draw, Method, Trouble};
use pagewise::engine::protocol::{Answer, Asked, Order, Size, Task};
use pagewise::engine::worker::serve;
use pagewise::os::SysError;

type Calls = Rc<RefCell<Vec<String>>>;

/// Notes what is called; `b` cannot prove its second batch.
struct Recorder {
    name: String,
    calls: Calls,
    batches: usize,
    done: u64,
}

impl Recorder {
    fn call(&self, what: &str) {
        self.calls.borrow_mut().push(format!("{} {what}", self.name));
    }
}

impl Method for Recorder {
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        self.call(&format!("prepare {}", draw.ops));
        self.done = 0;
        Ok(())
    }

    fn enter(&mut self) -> Result<(), SysError> {
        self.call("enter");
        Ok(())
    }

    fn run(&mut self, ops: u64) -> Result<(), SysError> {
        self.call(&format!("run {ops}"));
        self.done += ops;
        Ok(())
    }

    fn leave(&mut self) -> Result<(), SysError> {
        self.call("leave");
        Ok(())
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        self.call("settle");
        self.batches += 1;
        if self.name == "b" && self.batches == 2 {
            return Err(Trouble::unproven("not done", "on purpose"));
        }
        Ok(Account { minor_faults: 0..=u64::MAX, major_faults: 0..=u64::MAX, ..Account::quiet(self.done, 0, 1) })
    }

    fn verify(&mut self) -> Result<u64, Trouble> {
        self.call("verify");
        Ok(1)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.call("drop");
    }
}

/// What a worker that is asked to do `task` with `a`, `b` and `c` calls, and what it answers.
fn served(task: Task) -> (Vec<String>, Answer) {
    let calls = Calls::default();
    let site = tempfile::tempdir().expect("a folder");
    let methods = ["a", "b", "c"].map(|name| Asked { method: name.to_owned(), drag: Drag::default() }).to_vec();
    let order = Order {
        parent: 0,
        site: site.path().to_owned(),
        disk_stat: None,
        own_reads: false,
        catalogue: serde_json::Value::Null,
        scenario: "test/order".to_owned(),
        methods,
        task,
    };
    let answer = serve(&order, &|name| {
        let recorder = Recorder { name: name.to_owned(), calls: Rc::clone(&calls), batches: 0, done: 0 };
        recorder.call("open");
        Ok(Box::new(recorder) as Box<dyn Case>)
    });
    (calls.take(), answer)
}

/// What one batch of a method should look like.
fn batch(name: &str, ops: u64) -> Vec<String> {
    ["prepare", "enter", "run", "leave", "settle"]
        .map(|call| match call {
            "prepare" | "run" => format!("{name} {call} {ops}"),
            _ => format!("{name} {call}"),
        })
        .to_vec()
}

/// `around` before and after the batches: opened and warmed up first, verified and dropped last.
fn framed(batches: &[(&str, u64)]) -> Vec<String> {
    let each = |what: &'static str| ["a", "b", "c"].into_iter().map(move |name| format!("{name} {what}"));
    let warm_up = ["a", "b", "c"].into_iter().flat_map(|name| batch(name, 1));
    let taken = batches.iter().flat_map(|(name, ops)| batch(name, *ops));
    each("open").chain(warm_up).chain(taken).chain(each("verify")).chain(each("drop")).collect()
}

#[test]
fn a_worker_prepares_each_method_right_before_its_batch_and_settles_it_right_after_in_each_round_s_order() {
    // The second batch of `b`, its first after the warm-up, does not hold: the round is taken to its end, and one more is taken.
    let orders = vec![vec![1, 0, 2], vec![2, 1, 0], vec![0, 2, 1], vec![0, 1, 2]];
    let (calls, answer) = served(Task::Rounds { k: 7, wanted: 2, orders, seeds: vec![1, 2, 3, 4] });
    let rounds = [["b", "a", "c"], ["c", "b", "a"], ["a", "c", "b"]];
    let batches: Vec<(&str, u64)> = rounds.concat().into_iter().map(|name| (name, 7)).collect();
    assert_eq!(calls, framed(&batches));
    let places: Vec<(usize, u32, u32)> =
        answer.batches.iter().map(|batch| (batch.method, batch.round, batch.position)).collect();
    assert_eq!(
        places,
        [(1, 0, 0), (0, 0, 1), (2, 0, 2), (2, 1, 0), (1, 1, 1), (0, 1, 2), (0, 2, 0), (2, 2, 1), (1, 2, 2)]
    );
    assert!(answer.batches.iter().all(|batch| batch.flaw.is_some() == ((batch.method, batch.round) == (1, 0))));
}

#[test]
fn the_latency_pass_takes_one_method_after_the_other_each_batch_within_its_own_preparation() {
    let (calls, answer) = served(Task::Latency { k: 2, operations: 4, limit_ns: u64::MAX, seed: 0 });
    let stamped = |name: &str| {
        let one = ["prepare 2", "enter", "run 1", "run 1", "leave", "settle"].map(|call| format!("{name} {call}"));
        // A batch whose proof fails gives no stamps, and another is taken for it.
        let times = if name == "b" { 3 } else { 2 };
        std::iter::repeat_n(one, times).flatten()
    };
    let expected: Vec<String> = ["a", "b", "c"].into_iter().flat_map(stamped).collect();
    let inner: Vec<String> = calls[framed(&[]).len() - 6..calls.len() - 6].to_vec();
    assert_eq!(inner, expected);
    assert!(answer.stamps.iter().all(|stamps| stamps.len() == 4));
}

#[test]
fn calibration_takes_a_batch_of_each_method_in_turn() {
    let (calls, answer) = served(Task::Calibrate(Size::Fixed(5)));
    let inner = &calls[framed(&[]).len() - 6..calls.len() - 6];
    let mut names: Vec<&str> = inner.iter().filter_map(|call| call.strip_suffix(" settle")).collect();
    names.dedup();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(answer.k, 5);
    for (at, call) in inner.iter().enumerate().filter(|(_, call)| call.ends_with("prepare 5")) {
        let name = &call[..1];
        assert_eq!(inner[at..at + 5], batch(name, 5)[..], "nothing comes between");
    }
}
