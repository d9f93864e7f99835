//! What the methods of these studies do to their workers.

use std::fs::{self, OpenOptions};
use std::hint::{black_box, spin_loop};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pagewise::engine::clock;
use pagewise::engine::drag::Drag;
use pagewise::engine::method::{Account, Case, DiskGauge, Draw, Measured, Method, Opened, Trouble};
use pagewise::engine::protocol::Order;
use pagewise::os::SysError;
use pagewise::os::map::{FileMap, Kind, Populate};
use pagewise::os::process::Child;
use pagewise::os::usage::Usage;

/// An operation of the baseline.
const STEADY_NS: u64 = 2_000;

/// The file that the ids of processes left behind are noted in.
pub const LEFT: &str = "left";

/// Opens the method of this name.
pub fn open(order: &Order, name: &str) -> Opened {
    let deed = |when, what: fn(&Order)| {
        Ok(Box::new(Deed { order: order.clone(), when, what, work: Spin::of(STEADY_NS) }) as Box<dyn Case>)
    };
    match name {
        "steady" => Ok(Box::new(Spin::of(STEADY_NS))),
        "twice" => Ok(Box::new(Spin::of(2 * STEADY_NS))),
        "takes no time" => Ok(Box::new(NoTime)),
        "panics in open" => panic!("no way in"),
        "panics in prepare" => deed(Moment::Prepare, |_| panic!("nothing to begin with")),
        "panics in run" => deed(Moment::Run, |_| panic!("two\nlines")),
        "panics in settle" => deed(Moment::Settle, |_| panic!("the proof fell over")),
        "panics when dropped" => deed(Moment::Drop, |_| panic!("let go")),
        "aborts" => deed(Moment::Run, |_| std::process::abort()),
        "exits with 3" => deed(Moment::Run, |_| std::process::exit(3)),
        "exits with 0" => deed(Moment::Run, |_| std::process::exit(0)),
        "is killed" => deed(Moment::Run, |_| die_of(Signal::SIGKILL)),
        "is killed in the third worker" => deed(Moment::Run, |order| {
            if workers_so_far(&order.site) >= 3 {
                die_of(Signal::SIGKILL);
            }
        }),
        "touches a page past the end" => deed(Moment::Run, |order| touch_past_the_end(&order.site)),
        "loops" => deed(Moment::Run, |_| {
            loop {
                spin_loop();
            }
        }),
        "sleeps" => deed(Moment::Settle, |_| sleep_for_ever()),
        "closes every pipe and sleeps" => deed(Moment::Run, |_| {
            close_pipes();
            sleep_for_ever();
        }),
        "closes its output" => deed(Moment::Run, |_| {
            // Once: what is opened next has the number.
            static CLOSED: std::sync::Once = std::sync::Once::new();
            CLOSED.call_once(|| nix::unistd::close(1).expect("it was open"));
        }),
        "prints" => deed(Moment::Run, |_| println!("{{\"methods\": \"rubbish\"")),
        "leaves children" => deed(Moment::Run, |order| leave_children(&order.site)),
        "eats memory in a control group" => deed(Moment::Run, |order| {
            let group = order.catalogue["group"].as_str().expect("a control group");
            fs::write(Path::new(group).join("cgroup.procs"), std::process::id().to_string()).expect("a way in");
            eat();
        }),
        "eats more address space than it may" => deed(Moment::Run, |_| {
            setrlimit(Resource::RLIMIT_AS, 1 << 28, 1 << 28).expect("a lower limit");
            eat();
        }),
        other => Err(Trouble::Failed(format!("no method {other}"))),
    }
}

/// When a deed is done.
#[derive(Clone, Copy, PartialEq)]
enum Moment {
    Prepare,
    Run,
    Settle,
    Drop,
}

/// Works as `steady` does, and does something beside.
struct Deed {
    order: Order,
    when: Moment,
    what: fn(&Order),
    work: Spin,
}

impl Deed {
    fn at(&self, moment: Moment) {
        if self.when == moment {
            (self.what)(&self.order);
        }
    }
}

impl Method for Deed {
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        self.at(Moment::Prepare);
        self.work.prepare(draw)
    }

    fn run(&mut self, ops: u64) -> Result<(), SysError> {
        self.at(Moment::Run);
        self.work.run(ops)
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        self.at(Moment::Settle);
        self.work.settle()
    }
}

impl Drop for Deed {
    fn drop(&mut self) {
        self.at(Moment::Drop);
    }
}

/// Operations of so many ns, and how many were done.
struct Spin {
    each_ns: u64,
    done: u64,
}

impl Spin {
    fn of(each_ns: u64) -> Self {
        Self { each_ns, done: 0 }
    }
}

impl Method for Spin {
    fn prepare(&mut self, _: Draw) -> Result<(), Trouble> {
        self.done = 0;
        Ok(())
    }

    fn run(&mut self, ops: u64) -> Result<(), SysError> {
        let until = clock::now() + ops * self.each_ns;
        while clock::now() < until {}
        self.done += ops;
        Ok(())
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        Ok(any_faults(self.done))
    }
}

fn any_faults(operations: u64) -> Account {
    Account {
        minor_faults: 0..=u64::MAX,
        major_faults: 0..=u64::MAX,
        device_read: None,
        device_written: None,
        ..Account::quiet(operations, 0, 1)
    }
}

/// As if the clock stood still.
struct NoTime;

impl Case for NoTime {
    fn measure(&mut self, draw: Draw, _: Drag, _: &mut dyn DiskGauge) -> Result<Measured, Trouble> {
        Ok(Measured { ns: 0, usage: Usage::default(), disk: None, written_before: 0, account: any_faults(draw.ops) })
    }

    fn stamp(&mut self, draw: Draw, into: &mut Vec<u64>) -> Result<(), Trouble> {
        into.extend((0..draw.ops).map(|_| 0));
        Ok(())
    }

    fn grain(&self) -> u64 {
        1
    }

    fn verify(&mut self) -> Result<u64, Trouble> {
        Ok(0)
    }
}

fn die_of(signal: Signal) {
    kill(Pid::this(), signal).expect("a signal to oneself");
    sleep_for_ever();
}

fn sleep_for_ever() {
    loop {
        std::thread::sleep(Duration::from_secs(1000));
    }
}

/// Counts this process among the workers of its study.
fn workers_so_far(site: &Path) -> usize {
    let path = site.join("workers");
    let mut seen: Vec<String> = fs::read_to_string(&path).unwrap_or_default().lines().map(str::to_owned).collect();
    let own = std::process::id().to_string();
    if !seen.contains(&own) {
        seen.push(own);
        fs::write(path, seen.join("\n")).expect("a file of workers");
    }
    seen.len()
}

fn touch_past_the_end(site: &Path) {
    let path = site.join("empty");
    fs::write(&path, "").expect("an empty file");
    let file = OpenOptions::new().read(true).write(true).open(path).expect("the file");
    let map = FileMap::new(&file, 4096, Kind::SharedWrite, Populate::OnTouch).expect("a mapping longer than its file");
    black_box(map.load(0));
}

/// Every pipe that this process has open, the one to its parent among them.
fn close_pipes() {
    let open: Vec<(i32, PathBuf)> = fs::read_dir("/proc/self/fd")
        .expect("descriptors")
        .filter_map(|entry| entry.ok())
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, fs::read_link(entry.path()).ok()?)))
        .collect();
    for (descriptor, _) in open.iter().filter(|(_, target)| target.to_string_lossy().starts_with("pipe:")) {
        let _ = nix::unistd::close(*descriptor);
    }
}

/// One that is forked, and one that runs another program; neither is waited for.
#[expect(clippy::zombie_processes, reason = "that is the deed")]
fn leave_children(site: &Path) {
    let forked = Child::fork(|| {
        sleep_for_ever();
        0
    })
    .expect("a child");
    let program = Command::new("sleep").arg("1000").spawn().expect("sleep(1)");
    let mut left = OpenOptions::new().create(true).append(true).open(site.join(LEFT)).expect("a file of children");
    writeln!(left, "{}\n{}", forked.pid(), program.id()).expect("their ids");
    std::mem::forget(forked);
}

/// Allocates and touches until something ends it.
fn eat() {
    let mut eaten = Vec::new();
    loop {
        eaten.push(vec![1u8; 1 << 20]);
        black_box(&eaten);
    }
}
