//! What the methods of these studies do to their workers. The times that they tell are made up, so that no verdict hangs on the machine's mood.

use std::fs::{self, OpenOptions};
use std::hint::{black_box, spin_loop};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;
use std::time::Duration;

use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pagewise::engine::drag::Drag;
use pagewise::engine::method::{Account, Case, Counters, Draw, Measured, Method, Opened, Trouble};
use pagewise::engine::protocol::{Order, Phases};
use pagewise::os::SysError;
use pagewise::os::map::{FileMap, Kind, Populate};
use pagewise::os::process::Child;

/// What an operation of the baseline is said to take.
const STEADY_NS: u64 = 2_000;

/// The file that the ids of processes left behind are noted in.
pub const LEFT: &str = "left";

/// Opens the method of this name.
pub fn open(order: &Order, name: &str) -> Opened {
    let told = |ns, when, what: fn(&Order)| -> Opened {
        Ok(Box::new(Told { ns, method: Deed { order: order.clone(), when, what, done: 0 } }))
    };
    let deed = |when, what| told(STEADY_NS, when, what);
    match name {
        "steady" => deed(Moment::Run, |_| ()),
        "twice" => told(2 * STEADY_NS, Moment::Run, |_| ()),
        "takes no time" => told(0, Moment::Run, |_| ()),
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
            // Once: the number may be another's later.
            static CLOSED: Once = Once::new();
            CLOSED.call_once(|| nix::unistd::close(1).expect("standard output was open"));
        }),
        "prints" => deed(Moment::Run, |_| println!("{{\"methods\": \"rubbish\"")),
        "leaves children" => deed(Moment::Run, |order| {
            static LEAVE: Once = Once::new();
            LEAVE.call_once(|| leave_children(&order.site));
        }),
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

/// Does nothing but its deed.
struct Deed {
    order: Order,
    when: Moment,
    what: fn(&Order),
    /// Operations of the batch.
    done: u64,
}

impl Deed {
    fn at(&self, moment: Moment) {
        if self.when == moment {
            (self.what)(&self.order);
        }
    }
}

impl Method for Deed {
    fn prepare(&mut self, _: Draw) -> Result<(), Trouble> {
        self.at(Moment::Prepare);
        self.done = 0;
        Ok(())
    }

    fn run(&mut self, ops: u64) -> Result<(), SysError> {
        self.at(Moment::Run);
        self.done += ops;
        Ok(())
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        self.at(Moment::Settle);
        Ok(any_faults(self.done))
    }
}

impl Drop for Deed {
    fn drop(&mut self) {
        self.at(Moment::Drop);
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

/// A method that goes through the contract as any other, and tells a time of its own: `ns` an operation.
struct Told<M> {
    ns: u64,
    method: M,
}

impl<M: Method> Case for Told<M> {
    fn measure(&mut self, draw: Draw, drag: Drag, counters: &mut dyn Counters) -> Result<Measured, Trouble> {
        let measured = self.method.measure(draw, drag, counters)?;
        Ok(Measured { ns: draw.ops * self.ns, ..measured })
    }

    fn stamp(&mut self, draw: Draw, into: &mut Vec<u64>) -> Result<(), Trouble> {
        self.method.stamp(draw, into)
    }

    fn is_stamped(&self) -> bool {
        true
    }

    fn phases(&mut self, _: Draw) -> Result<Option<Phases>, Trouble> {
        Ok(None)
    }

    fn most(&self) -> u64 {
        u64::MAX
    }

    fn grain(&self) -> u64 {
        Method::grain(&self.method)
    }

    fn verify(&mut self) -> Result<u64, Trouble> {
        Method::verify(&mut self.method)
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
