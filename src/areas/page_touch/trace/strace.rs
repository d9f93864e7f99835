//! What a program's calls read, as strace(1) prints them: which file a descriptor stands for, and where it stands.

use std::collections::BTreeMap;

use super::files::{Files, Kind};

/// Reads what strace printed, by whatever options: with process ids (`-f`), times (`-t`, `-r`, `-T`), paths (`-y`).
pub(super) fn read(text: &str, files: &mut Files) {
    let mut calls = Calls { tables: vec![BTreeMap::new()], ..Calls::default() };
    for (index, line) in text.lines().enumerate() {
        calls.take(line, index + 1, files);
    }
    // Cut short in the middle of them.
    files.lines += calls.unfinished.len() as u64;
}

/// Whether a line is what strace prints of a call.
pub(super) fn is_call(line: &str) -> bool {
    Call::of(line).is_some() || begun(line).is_some_and(|call| name(call).is_some())
}

/// A call that was done.
struct Call<'a> {
    name: &'a str,
    /// Between its parentheses.
    args: &'a str,
    /// What it gave.
    result: i128,
    /// And what stands after.
    rest: &'a str,
}

/// The name of the first call in `text`, and what stands after its parenthesis. Times and addresses that stand before it are no names.
fn name(text: &str) -> Option<(&str, &str)> {
    text.match_indices('(').find_map(|(open, _)| {
        let before = &text[..open];
        let start = before.rfind(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
        let name = &before[start.map_or(0, |start| start + before[start..].chars().next().map_or(1, char::len_utf8))..];
        name.starts_with(|letter: char| letter.is_ascii_lowercase() || letter == '_').then(|| (name, &text[open + 1..]))
    })
}

/// The whole number at the beginning of `text`.
fn leading(text: &str) -> Option<(i128, &str)> {
    let digits = |letter: char| letter.is_ascii_digit();
    let signed = text.strip_prefix('-').unwrap_or(text);
    let end = text.len() - signed.trim_start_matches(digits).len();
    Some((text[..end].parse().ok()?, &text[end..]))
}

impl<'a> Call<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let (name, inside) = name(text)?;
        // Spaces before the equals sign align it; what was read may hold anything, and stands before the last one.
        let ends = inside.rmatch_indices(')');
        let (args, result) = ends
            .filter_map(|(end, _)| Some((&inside[..end], inside[end + 1..].trim_start().strip_prefix("= ")?)))
            .next()?;
        let (result, rest) = leading(result).unwrap_or((-1, ""));
        Some(Self { name, args, result, rest })
    }

    /// The descriptor that comes first, and its path where `-y` printed that.
    fn descriptor(&self) -> Option<(i128, Option<&'a str>)> {
        let (descriptor, rest) = leading(self.args)?;
        Some((descriptor, path(rest)))
    }

    /// The argument so many places before the last.
    fn before_last(&self, place: usize) -> Option<i128> {
        self.args.rsplit(',').nth(place)?.trim().parse().ok()
    }
}

/// The path of `3</a/path>`, after the number. strace writes other angles as octal digits; what a device or an end of a connection is, it puts
/// after one.
fn path(text: &str) -> Option<&str> {
    let inside = text.strip_prefix('<')?;
    let path = &inside[..inside.find(['<', '>'])?];
    Some(path.strip_suffix(" (deleted)").unwrap_or(path))
}

/// The first argument in quotes.
fn in_quotes(args: &str) -> Option<&str> {
    let inside = &args[args.find('"')? + 1..];
    let mut escaped = false;
    let end = inside.find(|letter: char| {
        let ends = letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        ends
    })?;
    Some(&inside[..end])
}

/// Two descriptors, as `[3, 4]`.
fn pair(args: &str) -> Option<[i128; 2]> {
    let (first, rest) = leading(&args[args.find('[')? + 1..])?;
    let (second, _) = leading(rest[rest.find(',')? + 1..].trim_start())?;
    Some([first, second])
}

/// Whether what lies at a path is made up as it is read, or can be read but once.
fn kind(path: &str) -> Kind {
    let made_up = path.starts_with("/proc/") || path.starts_with("/sys/");
    let device = path.strip_prefix("/dev/").is_some_and(|name| {
        matches!(name, "null" | "zero" | "full" | "random" | "urandom" | "ptmx")
            || name.starts_with("tty")
            || name.starts_with("pts/")
    });
    if made_up || device { Kind::Stream } else { Kind::File }
}

/// The process of a line, `123 read(…` or `[pid 123] read(…`, and the line without it.
fn process(line: &str) -> (Option<u64>, &str) {
    let bracketed = line.strip_prefix("[pid ");
    let Some((pid, rest)) = leading(bracketed.unwrap_or(line).trim_start()) else { return (None, line) };
    // Its command may stand behind the number (`-Y`).
    let rest = rest.strip_prefix('<').and_then(|command| command.split_once('>')).map_or(rest, |(_, rest)| rest);
    let rest = if bracketed.is_some() { rest.strip_prefix(']') } else { rest.starts_with(' ').then_some(rest) };
    match (u64::try_from(pid), rest) {
        (Ok(pid), Some(rest)) => (Some(pid), rest),
        _ => (None, line),
    }
}

/// The beginning of a call, of a line that says that its end comes later.
fn begun(line: &str) -> Option<&str> {
    line.trim_end().strip_suffix("<unfinished ...>")
}

/// The end of a call, of a line that says that its beginning came before.
fn ended(line: &str) -> Option<&str> {
    let (before, rest) = line.split_once("<... ")?;
    // What a call has read may say so, too.
    if name(before).is_some() { None } else { rest.split_once(" resumed>").map(|(_, end)| end) }
}

/// An open file description (open(2)): descriptors that were duplicated or inherited share where it stands.
#[derive(Debug)]
struct Description {
    file: usize,
    at: i128,
}

/// Processes, their descriptors, and calls under way.
#[derive(Debug, Default)]
struct Calls {
    descriptions: Vec<Description>,
    /// Descriptors of those that share them: the first table is the first process's.
    tables: Vec<BTreeMap<i128, usize>>,
    /// Which table a process has; `None` is the one that strace names by no number.
    processes: BTreeMap<Option<u64>, usize>,
    unfinished: BTreeMap<Option<u64>, String>,
}

impl Calls {
    fn take(&mut self, line: &str, number: usize, files: &mut Files) {
        let (process, rest) = process(line);
        if let Some(begun) = begun(rest).filter(|_| Call::of(rest).is_none()) {
            self.table(process);
            self.unfinished.insert(process, begun.to_owned());
            return;
        }
        let whole = ended(rest).and_then(|end| Some(self.unfinished.remove(&process)? + end));
        match Call::of(whole.as_deref().unwrap_or(rest)).filter(|call| call.result >= 0) {
            Some(call) => self.follow(&call, process, number, files),
            None => files.lines += 1,
        }
    }

    fn follow(&mut self, call: &Call<'_>, process: Option<u64>, line: usize, files: &mut Files) {
        let table = self.table(process);
        match call.name {
            "read" | "readv" | "pread" | "pread64" | "preadv" | "preadv2" => {
                let Some(index) = self.description(call, table, files) else { return files.lines += 1 };
                let place = match call.name {
                    "read" | "readv" => None,
                    name => {
                        let Some(at) = call.before_last(usize::from(name == "preadv2")) else {
                            return files.lines += 1;
                        };
                        // -1 is where the descriptor stands.
                        Some(at).filter(|at| name != "preadv2" || *at != -1)
                    }
                };
                let stands = &mut self.descriptions[index];
                let at = place.unwrap_or(stands.at);
                if place.is_none() {
                    stands.at += call.result;
                }
                return files.read(stands.file, at, call.result, line);
            }
            "write" | "writev" => {
                if let Some(index) = self.description(call, table, files) {
                    self.descriptions[index].at += call.result;
                }
                files.writes += 1;
                return;
            }
            "pwrite" | "pwrite64" | "pwritev" | "pwritev2" => {
                files.writes += 1;
                return;
            }
            "lseek" | "_llseek" => {
                let at = if call.name == "lseek" { Some(call.result) } else { place_in_brackets(call.args) };
                if let Some((index, at)) = self.description(call, table, files).zip(at) {
                    self.descriptions[index].at = at;
                }
            }
            "open" | "openat" | "openat2" | "creat" => {
                let named = path(call.rest).or_else(|| in_quotes(call.args)).unwrap_or_default();
                self.open(table, call.result, named, kind(named), files);
            }
            "dup" | "dup2" | "dup3" => self.duplicate(call, table, files),
            "fcntl" | "fcntl64" if call.args.contains("F_DUPFD") => self.duplicate(call, table, files),
            "close" => {
                if let Some((descriptor, _)) = call.descriptor() {
                    self.tables[table].remove(&descriptor);
                }
            }
            "pipe" | "pipe2" | "socketpair" => {
                for descriptor in pair(call.args).into_iter().flatten() {
                    self.open(table, descriptor, call.name, Kind::Stream, files);
                }
            }
            "socket" | "accept" | "accept4" | "eventfd2" | "timerfd_create" | "signalfd4" | "inotify_init1" => {
                self.open(table, call.result, call.name, Kind::Stream, files);
            }
            "clone" | "clone3" | "fork" | "vfork" => self.adopt(call.result, table, call.args),
            _ => {}
        }
        files.lines += 1;
    }

    /// The table of a process. One that was not seen before may begin before the call returns that made it.
    fn table(&mut self, process: Option<u64>) -> usize {
        if let Some(table) = self.processes.get(&process) {
            return *table;
        }
        let made = self.unfinished.iter().find_map(|(parent, text)| {
            let (name, args) = name(text)?;
            matches!(name, "clone" | "clone3" | "fork" | "vfork").then(|| (*parent, args.to_owned()))
        });
        match (process, made) {
            (Some(pid), Some((parent, args))) => {
                let parent = self.table(parent);
                self.adopt(i128::from(pid), parent, &args);
            }
            // The first of all; or the first one, by the number that it is given as soon as it has children.
            _ if self.processes.keys().all(Option::is_none) => drop(self.processes.insert(process, 0)),
            (Some(pid), None) => self.adopt(i128::from(pid), 0, ""),
            (None, _) => drop(self.processes.insert(None, 0)),
        }
        self.processes[&process]
    }

    /// A thread or a process that was made by one that has this table.
    fn adopt(&mut self, child: i128, table: usize, args: &str) {
        let child = u64::try_from(child).ok().filter(|child| *child > 0);
        if child.is_none() || self.processes.contains_key(&child) {
            return;
        }
        let own = if args.contains("CLONE_FILES") {
            table
        } else {
            self.tables.push(self.tables[table].clone());
            self.tables.len() - 1
        };
        self.processes.insert(child, own);
    }

    /// What the first argument stands for. One that was never opened is a file of its own: `descriptor 3`.
    fn description(&mut self, call: &Call<'_>, table: usize, files: &mut Files) -> Option<usize> {
        let (descriptor, named) = call.descriptor()?;
        let known = self.tables[table].get(&descriptor).copied();
        match (known, named) {
            (Some(known), None) => return Some(known),
            // What -y prints holds: it may have been opened by a call that the trace does not have.
            (Some(known), Some(named)) if files.name(self.descriptions[known].file) == Some(named) => {
                return Some(known);
            }
            (_, Some(named)) => {
                let kind = if named.starts_with('/') { kind(named) } else { Kind::Stream };
                self.open(table, descriptor, named, kind, files);
            }
            (None, None) => {
                let kind = if descriptor > 2 { Kind::File } else { Kind::Stream };
                self.open(table, descriptor, &format!("descriptor {descriptor}"), kind, files);
            }
        }
        self.tables[table].get(&descriptor).copied()
    }

    fn open(&mut self, table: usize, descriptor: i128, named: &str, kind: Kind, files: &mut Files) {
        self.descriptions.push(Description { file: files.named(named, kind), at: 0 });
        self.tables[table].insert(descriptor, self.descriptions.len() - 1);
    }

    fn duplicate(&mut self, call: &Call<'_>, table: usize, files: &mut Files) {
        if let Some(index) = self.description(call, table, files) {
            self.tables[table].insert(call.result, index);
        }
    }
}

/// What _llseek(2) gives, in brackets.
fn place_in_brackets(args: &str) -> Option<i128> {
    leading(&args[args.find('[')? + 1..]).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::super::Trace;

    fn parsed(text: &str) -> (String, Vec<(u64, u32)>) {
        let trace = Trace::parse(text).unwrap();
        (trace.file.unwrap(), trace.reads.into_iter().map(Into::into).collect())
    }

    #[test]
    fn a_descriptor_stands_where_the_calls_before_have_left_it() {
        let text = "openat(AT_FDCWD, \"f\", O_RDONLY)     = 3\nread(3, \"a, b) = 9\"..., 100) = 100\n12:00:01 read(3</f>, \"\", 100)       = 60\n";
        // A path by -y where there was none before is another file.
        assert_eq!(parsed(text), ("f".to_owned(), vec![(0, 100)]));
        let text = "openat(AT_FDCWD, \"f\", O_RDONLY)     = 3\nread(3, \"a, b) = 9\"..., 100) = 100\nlseek(3, 4096, SEEK_SET)          = 4096\n\
                    read(3, \"\", 10)                   = 10\nwrite(3, \"x\", 6)                  = 6\nread(3, \"<... read resumed>\", 10) = 10\n\
                    pread64(3, \"x\", 512, 9000) = 512\npwrite64(3, \"x\", 5, 0) = 5\nread(3, \"after a pread\", 5) = 5\n+++ exited with 0 +++\n\
                    read(3, 0x7f, 10) = -1 EAGAIN (Resource temporarily unavailable)\nread(3, \"\", 10) = 0\nfutex(0x1, FUTEX_WAIT) = 0\nread(3, \"cut sh";
        let reads = vec![(0, 100), (4096, 10), (4112, 10), (9000, 512), (4122, 5)];
        assert_eq!(parsed(text), ("f".to_owned(), reads));
        let trace = Trace::parse(text).unwrap();
        assert_eq!((trace.writes, trace.lines, trace.elsewhere), (2, 7, 0));
    }

    /// Of what `strace -y -T -tt` printed of a Python program.
    #[test]
    fn duplicates_share_where_they_stand() {
        let text = "22:01:12.233900 openat(AT_FDCWD</data>, \"d.bin\", O_RDONLY|O_CLOEXEC) = 3</data/d.bin> <0.000009>\n\
                    22:01:12.233950 fcntl(3</data/d.bin>, F_DUPFD_CLOEXEC, 0) = 4</data/d.bin> <0.000007>\n\
                    22:01:12.234000 pread64(3</data/d.bin>, \"\\217\\266\\36D\"..., 100, 5000) = 100 <0.000008>\n\
                    22:01:12.236099 lseek(4</data/d.bin>, 10000, SEEK_SET) = 10000 <0.000007>\n\
                    22:01:12.236120 read(3</data/d.bin>, \"\\0\\0\"..., 50) = 50 <0.000008>\n\
                    22:01:12.236154 preadv2(3</data/d.bin>, [{iov_base=\"\\331*\\2\", iov_len=10}, {iov_base=\"\\245\\346\", iov_len=20}], 2, 777, 0) = 30 <0.000008>\n\
                    22:01:12.236191 readv(3</data/d.bin>, [{iov_base=\"~\\235\", iov_len=10}], 1) = 10 <0.000007>\n\
                    22:01:12.236200 close(3</data/d.bin>)       = 0 <0.000008>\n\
                    22:01:12.237122 dup2(4</data/d.bin>, 40) = 40</data/d.bin> <0.000008>\n\
                    22:01:12.237163 read(40</data/d.bin>, \"TX\\23\\177\\5\", 11) = 11 <0.000007>\n\
                    22:01:12.237200 read(5<pipe:[4711]>, \"x\"..., 65536) = 65536 <0.000007>\n";
        let reads = vec![(5000, 100), (10_000, 50), (777, 30), (10_050, 10), (10_060, 11)];
        assert_eq!(parsed(text), ("/data/d.bin".to_owned(), reads));
        assert_eq!(Trace::parse(text).unwrap().elsewhere, 1);
    }

    /// Of what `strace -f -r` printed of a Python program, on the terminal: the first process has a number once there is a second.
    #[test]
    fn threads_share_descriptors_and_children_have_copies() {
        let text = "     0.000009 openat(AT_FDCWD, \"d.bin\", O_RDONLY) = 3\n     0.000010 pipe2([4, 5], O_CLOEXEC) = 0\n\
                    strace: Process 29363 attached\n\
                    [pid 29309]      0.000010 clone3({flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_THREAD, exit_signal=0} => {parent_tid=[29363]}, 88) = 29363\n\
                    [pid 29363]      0.000084 read(4,  <unfinished ...>\n[pid 29309]      0.050308 pread64(3, \"\\301\", 7, 8) = 7\n\
                    [pid 29309]      0.001288 write(5, \"x\", 1) = 1\n[pid 29363]      0.000084 <... read resumed>\"x\", 10) = 1\n\
                    [pid 29363]      0.000041 pread64(3, \"\\326\", 77, 88) = 77\n\
                    [pid 29309]      0.000017 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD <unfinished ...>\n\
                    [pid 29369]      0.000013 read(3, \"9\\335\", 123) = 123\n[pid 29369]      0.000013 close(3)     = 0\n\
                    [pid 29369]      0.000013 openat(AT_FDCWD, \"other\", O_RDONLY) = 3\n[pid 29369]      0.000013 read(3, \"x\", 9) = 9\n\
                    [pid 29309]      0.000546 <... clone resumed>, child_tidptr=0x7f3622dc0e50) = 29369\n[pid 29363]      0.000097 read(3, \"\\335\", 50) = 50\n\
                    [pid 29369]      0.000522 +++ exited with 0 +++\n     0.000030 read(3, \"x\", 1) = 1\n";
        assert_eq!(parsed(text), ("d.bin".to_owned(), vec![(8, 7), (88, 77), (0, 123), (123, 50), (173, 1)]));
        let trace = Trace::parse(text).unwrap();
        assert_eq!((trace.elsewhere, trace.others, trace.writes), (2, 2, 1));
    }

    /// Of what `strace -f -o FILE sh -c 'cat data | head'` wrote: libraries, pipes, and each process's own descriptor 3.
    #[test]
    fn of_a_programs_reads_its_libraries_and_pipes_are_told_apart() {
        let text = "29245 openat(AT_FDCWD, \"/lib/x86_64-linux-gnu/libc.so.6\", O_RDONLY|O_CLOEXEC) = 3\n\
                    29245 read(3, \"\\177ELF\\2\\1\\1\\3\"..., 832) = 832\n29245 close(3)                          = 0\n\
                    29245 openat(AT_FDCWD, \"data\", O_RDONLY) = 3\n29246 read(0,  <unfinished ...>\n29245 read(3, \"\\33\\271\"..., 4096) = 4096\n\
                    29245 write(1, \"\\33\\271\"..., 4096) = 4096\n29246 <... read resumed>\"\\33\\271\"..., 8192)        = 4096\n\
                    29246 read(0, \"\\33\\271\"..., 8192)        = 8192\n29246 openat(AT_FDCWD, \"/proc/self/maps\", O_RDONLY) = 3\n\
                    29246 read(3, \"\"..., 65536) = 65536\n29245 read(3, \"\\33\"..., 4096) = 100\n29245 +++ exited with 0 +++\n";
        assert_eq!(parsed(text), ("data".to_owned(), vec![(0, 4096), (4096, 100)]));
        let trace = Trace::parse(text).unwrap();
        assert_eq!((trace.elsewhere, trace.others), (4, 3));
    }

    #[test]
    fn what_was_not_opened_in_the_trace_goes_by_its_number() {
        let text = "read(0, \"\"..., 9999) = 9999\nread(7, \"\"..., 10) = 10\nlseek(7, 50, SEEK_CUR) = 60\nread(7, \"\", 1) = 1\n";
        assert_eq!(parsed(text), ("descriptor 7".to_owned(), vec![(0, 10), (60, 1)]));
        assert_eq!(parsed("read(0, \"\"..., 9999) = 9999\n"), ("descriptor 0".to_owned(), vec![(0, 9999)]));
        let text = "1700000000.123456 read(3<TCP:[127.0.0.1:1->127.0.0.1:2]>, \"\"..., 99) = 99\n_llseek(4</f>, 0, [77], SEEK_SET) = 0\n\
                    read(4</f>, \"\", 1) = 1\nread(4</f (deleted)>, \"\", 1) = 1\n";
        assert_eq!(parsed(text), ("/f".to_owned(), vec![(77, 1), (78, 1)]));
        let text = "openat(AT_FDCWD, \"a \\\" b\", 0) = 3\nread(3, \"\", 1) = 1\n[0000] read(3, \"\", 2) = 2\n77<a> read(3, \"\", 3) = 3\n";
        assert_eq!(parsed(text).1, [(0, 1), (1, 2), (3, 3)]);
    }
}
