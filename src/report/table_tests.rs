//! What a reader sees in the terminal, and in a README.

use super::super::sample::{self, HOSTILE};
use super::*;

const NARROW: Style = Style { colour: false, width: Some(80) };

fn widest(text: &str, id: &str) -> usize {
    text.lines().filter(|line| *line != id).map(|line| line.chars().count()).max().unwrap_or(0)
}

#[test]
fn a_wide_terminal_shows_every_column_that_says_something() {
    insta::assert_snapshot!(study_table(&sample::run(), &sample::edit_write_1m(), Style { colour: false, width: Some(160) }), @"
    One byte changed at a random page of a 64 MiB file and made to survive a crash of the system; the cache was filled by 1 MiB writes.
    shared_edit/durable/history=write-1M/state=mapped/edit=1B/size=64MiB
    guarantee durable · history write-1M · state mapped · k 32 · 11 workers · 6 rounds a worker · stopped: every comparison decided
    method               time/op  interval       ratio  interval     verdict       p50      p99  minor faults  device written  flushes
    ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
    pwrite(O_DSYNC)       283 µs  277–292 µs    ×0.890  0.863–0.908  faster     275 µs   708 µs             0         4.0 KiB        1
    pwrite+fdatasync      318 µs  312–328 µs        ×1  –            baseline   308 µs   795 µs             0         8.0 KiB        1
    pwrite+fsync          320 µs  314–330 µs     ×1.01  1.002–1.01   equal      310 µs   800 µs             0         8.0 KiB        1
    mmap+msync(MS_SYNC)  1.08 ms  1.06–1.11 ms   ×3.40  3.33–3.54    slower    1.05 ms  2.70 ms             1         1.0 MiB        1
    mmap+fdatasync       1.12 ms  1.10–1.15 ms   ×3.52  3.45–3.66    slower    1.09 ms  2.80 ms             1         1.0 MiB        1
    ");
}

#[test]
fn a_narrow_terminal_keeps_what_decides() {
    insta::assert_snapshot!(study_table(&sample::run(), &sample::edit_write_1m(), NARROW), @"
    One byte changed at a random page of a 64 MiB file and made to survive a crash
    of the system; the cache was filled by 1 MiB writes.
    shared_edit/durable/history=write-1M/state=mapped/edit=1B/size=64MiB
    guarantee durable · history write-1M · state mapped · k 32 · 11 workers · 6
    rounds a worker · stopped: every comparison decided
    method               time/op   ratio  interval     verdict   device written
    ───────────────────────────────────────────────────────────────────────────
    pwrite(O_DSYNC)       283 µs  ×0.890  0.863–0.908  faster           4.0 KiB
    pwrite+fdatasync      318 µs      ×1  –            baseline         8.0 KiB
    pwrite+fsync          320 µs   ×1.01  1.002–1.01   equal            8.0 KiB
    mmap+msync(MS_SYNC)  1.08 ms   ×3.40  3.33–3.54    slower           1.0 MiB
    mmap+fdatasync       1.12 ms   ×3.52  3.45–3.66    slower           1.0 MiB
    ");
}

#[test]
fn a_row_that_was_not_measured_says_why() {
    insta::assert_snapshot!(study_table(&sample::run(), &sample::ipc_one_core(), NARROW), @r#"
    A message of 8 bytes from a parent to its child and back, both on one core.
    fork_ipc/message=8B/placement=one-core
    k 32 · 11 workers · 6 rounds a worker · stopped: every comparison decided
    method          time/op   ratio  interval     verdict       p99  minor faults
    ─────────────────────────────────────────────────────────────────────────────
    shm+futex       1.97 µs  ×0.930  0.902–0.949  faster    4.93 µs             0
    file map+futex  2.11 µs  ×0.997  0.993–0.999  equal     5.28 µs             0
    pipe            2.12 µs      ×1  –            baseline  5.30 µs             0
    socketpair      3.22 µs   ×1.52  1.49–1.58    slower    8.06 µs             0
    shm+spin   unavailable  on one core the spinning side keeps the other from
                            running until its time slice ends: milliseconds a
                            message
    file poll  failed       the child died: <script>alert(1)</script>"'&
    "#);
}

#[test]
fn a_study_cut_short_shows_its_estimates_and_says_so() {
    insta::assert_snapshot!(study_table(&sample::run(), &sample::touch_mapped(), NARROW), @"
    Sequential order over every page of a file of 256MiB, all in the page cache and
    in the page tables: every byte read and summed.
    page_touch/history=write-4K/state=mapped/use=sum/touched=all/pattern=sequential/size=256MiB
    history write-4K · state mapped · k 32 · 3 workers · 6 rounds a worker ·
    stopped: its time was up
    Its time was up after 3 of 22 workers, before the first planned look: its
    comparisons are unresolved. A larger --budget gives it time.
    method  time/op    ratio  verdict
    ────────────────────────────────────
    mmap    6.10 ns  ×0.0174  unresolved
    pread    351 ns       ×1  baseline
    O_DIRECT 256K  unavailable  open with O_DIRECT: EINVAL: the filesystem does not
                                support it
    ");
}

#[test]
fn a_tainted_study_says_so_in_a_sentence() {
    insta::assert_snapshot!(study_table(&sample::run(), &sample::touch_cold_sequential(), NARROW), @"
    Sequential order over every page of a file of 256MiB, none of it in the page
    cache: one byte of each read.
    page_touch/history=none/state=cold/use=touch/touched=all/pattern=sequential/size=256MiB
    history none · state cold · k 32 · 22 workers · 6 rounds a worker · stopped: the
    last look was taken
    Tainted: the null control, the baseline measured against itself, came out at
    ×1.08 (1.06–1.11), beyond the margin of 5 %; no verdict of this study stands.
    method                time/op   ratio  interval     verdict     device read
    ───────────────────────────────────────────────────────────────────────────
    mmap                  2.17 µs  ×0.700  0.630–0.805  unresolved      4.0 KiB
    pread                 3.10 µs      ×1  –            baseline        4.0 KiB
    mmap+MADV_SEQUENTIAL  4.03 µs   ×1.30  1.17–1.49    unresolved      4.0 KiB
    ");
}

#[test]
fn a_study_that_never_started_is_its_reasons() {
    insta::assert_snapshot!(study_table(&sample::run(), &sample::touch_failed(), NARROW), @"
    Random order over every page of your file, all in the page cache: one byte of
    each read.
    page_touch/history=found/state=warm/use=touch/touched=all/pattern=random/size=5000B
    history found · state warm · k 0 · 0 workers · 0 rounds a worker · stopped: the
    baseline could not be measured
    The baseline, pread, could not be measured, so there is nothing to compare with.
    pread  failed  the file could not be made: no space left
    mmap   failed  the file could not be made: no space left
    ");
}

#[test]
fn cold_reads_show_faults_a_page_and_bytes_read() {
    insta::assert_snapshot!(study_table(&sample::run(), &sample::touch_cold_random(), Style { colour: false, width: Some(130) }), @"
    Random order over 128 pages of a file of 256MiB, none of it in the page cache: one byte of each read.
    page_touch/history=none/state=cold/use=touch/touched=128/pattern=random/size=256MiB
    history none · state cold · k 32 · 11 workers · 6 rounds a worker · stopped: every comparison decided
    method            time/op  interval       ratio  interval     verdict       p50  faults/page  device read
    ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    O_DIRECT          82.8 µs  81.1–85.3 µs  ×0.900  0.873–0.918  faster    80.3 µs            0      4.0 KiB
    pread             92.0 µs  90.2–94.8 µs      ×1  –            baseline  89.2 µs            0      4.0 KiB
    mmap+MADV_RANDOM  93.1 µs  91.2–95.9 µs   ×1.01  1.01–1.01    equal     90.3 µs            0      4.0 KiB
    mmap              1.31 ms  1.28–1.35 ms   ×14.2  13.9–14.8    slower    1.27 ms       0.0200      2.3 MiB
    ");
}

// These lie in files: `INSTA_UPDATE=always cargo test --lib` writes them anew, for you to read before you commit them.

#[test]
fn a_row_of_every_kind_in_a_terminal() {
    insta::assert_snapshot!(study_table(
        &sample::run(),
        &sample::every_verdict(),
        Style { colour: false, width: Some(140) }
    ));
}

#[test]
fn a_row_of_every_kind_in_colour() {
    let coloured = study_table(&sample::run(), &sample::every_verdict(), Style { colour: true, width: Some(100) });
    insta::assert_snapshot!(coloured.replace('\u{1b}', "ESC"));
}

#[test]
fn a_row_of_every_kind_of_a_tainted_study() {
    insta::assert_snapshot!(study_table(&sample::run(), &sample::every_verdict_tainted(), NARROW));
}

#[test]
fn a_resumed_run_as_markdown_with_a_row_of_every_kind() {
    let run = Run {
        resumed: vec!["2026-01-02T04:00:00Z".to_owned(), "2026-01-02T05:00:00Z".to_owned()],
        studies: vec![sample::every_verdict(), sample::every_verdict_tainted(), sample::touch_mapped()],
        ..sample::run()
    };
    insta::assert_snapshot!(markdown_tables(&run));
}

#[test]
fn no_table_is_wider_than_its_terminal() {
    let more = [sample::every_verdict(), sample::every_verdict_tainted()];
    for study in sample::run().studies.into_iter().chain(more) {
        for width in [40, 60, 80, 100, 120, 200] {
            let table = study_table(&sample::run(), &study, Style { colour: false, width: Some(width) });
            let widest = widest(&table, &study.scenario.id);
            assert!(widest <= usize::from(width), "{widest} columns in {width}:\n{table}");
            let flat: String = table.split_whitespace().collect();
            for case in &study.cases {
                let name: String = case.method.split_whitespace().collect();
                assert!(width < 80 || flat.contains(&name), "{} is missing in {width}:\n{table}", case.method);
            }
        }
    }
}

#[test]
fn colour_changes_no_letter() {
    for study in sample::run().studies {
        let plain = study_table(&sample::run(), &study, NARROW);
        let coloured = study_table(&sample::run(), &study, Style { colour: true, ..NARROW });
        let mut bare = String::new();
        let mut rest = coloured.as_str();
        while let Some(at) = rest.find('\u{1b}') {
            bare += &rest[..at];
            rest = rest[at..].split_once('m').map_or("", |(_, after)| after);
        }
        bare += rest;
        let trim = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        assert_eq!(trim(&bare), trim(&plain));
    }
}

#[test]
fn what_a_terminal_would_obey_is_not_passed_on() {
    let mut study = sample::ipc_one_core();
    study.scenario.question = "clear\u{1b}[2Jscreen\r\nand ring\u{7}".to_owned();
    study.cases[5].reason = Some("\u{1b}]0;title\u{7}".to_owned());
    study.cases[0].method = "pi\u{1b}[31mpe".to_owned();
    let table = study_table(&sample::run(), &study, Style::PLAIN);
    assert!(!table.contains(['\u{1b}', '\u{7}', '\r']), "{table:?}");
}

#[test]
fn markdown_holds_the_same_figures() {
    insta::assert_snapshot!(markdown_table(&sample::run(), &sample::copy_one_percent()), @r"
    **A private editable copy of a warm 64 MiB file, one byte changed in 1 % of its pages, then discarded.**

    `private_cow/history=write-1M/state=warm/modified=1%/size=64MiB`

    One operation: one whole copy, edited and discarded. history write-1M · state warm · k 32 · 11 workers · 6 rounds a worker · stopped: every comparison decided.

    | method | time/op | ratio | interval | verdict | p50 | p99 | minor faults | major faults |
    | --- | --: | --: | --: | --- | --: | --: | --: | --: |
    | `MAP_PRIVATE+store` | 491 µs | ×0.0540 | 0.0524–0.0551 | faster | 477 µs | 1.23 ms | 163 | 0 |
    | `read(reused)` | 9.10 ms | ×1 | – | baseline | 8.83 ms | 22.8 ms | 0 | 0 |
    | `read(fresh)` | 23.7 ms | ×2.60 | 2.55–2.70 | slower | 23.0 ms | 59.1 ms | 16,384 | 0 |
    | `MAP_PRIVATE\|MAP_POPULATE+store` | 26.4 ms | ×2.90 | 2.84–3.02 | slower | 25.6 ms | 66.0 ms | 16,384 | 0 |
    ");
}

#[test]
fn markdown_shows_markup_and_obeys_none() {
    let markdown = markdown_table(&sample::run(), &sample::ipc_one_core());
    assert!(!markdown.contains("<script>") && markdown.contains("&lt;script&gt;"), "{markdown}");
    assert!(HOSTILE.contains("<script>"));
    let bars = |line: &str| line.replace("\\|", "").matches('|').count();
    let table: Vec<&str> = markdown.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(table.len(), 8);
    assert!(table.iter().all(|line| bars(line) == bars(table[0])), "{markdown}");
}
