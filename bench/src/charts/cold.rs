//! The picture of the cold start: times on the left, memory on the right, and below what it saves that
//! a function connects while it initialises.

use bench::cold_start::{ColdStart, NOT_MEASURED, Program, Spread};

use crate::scale::{Scale, number};
use crate::svg::{Anchor, Svg, WIDTH};

/// The edges of both panels.
const TIMES: (f64, f64) = (208.0, 424.0);
const MEMORY: (f64, f64) = (536.0, WIDTH - 80.0);

const TOP: f64 = 92.0;
const ROW: f64 = 42.0;
const BAR: f64 = 18.0;

/// The rows of what warming saves.
const SMALL_ROW: f64 = 21.0;
const SMALL_BAR: f64 = 12.0;

/// The picture as SVG.
pub(crate) fn draw(cold_start: &ColdStart) -> String {
    let title = "Cold start: what the first request waits for, and memory";
    let mut svg = Svg::new(title, &description(cold_start));
    svg.bar(20.0, 47.0, (12.0, 10.0), "s0");
    svg.text(
        38.0,
        56.0,
        Anchor::Start,
        "note",
        "from the start of the process until it asks for an event",
    );
    svg.bar(404.0, 47.0, (12.0, 10.0), "s0 soft");
    svg.text(422.0, 56.0, Anchor::Start, "note", "until its first response (line: range)");
    svg.text(TIMES.0, TOP - 10.0, Anchor::Start, "strong", "milliseconds");
    svg.text(MEMORY.0, TOP - 10.0, Anchor::Start, "strong", "peak memory, MiB");
    let programs = &cold_start.programs;
    let most = |of: &dyn Fn(&Program) -> f64| programs.iter().map(of).fold(0.0, f64::max);
    let times = Scale::linear(most(&|program| program.response_ms.most), TIMES);
    let memory = Scale::linear(most(&|program| program.peak_mib.most), MEMORY);
    let mut y = TOP;
    for (program, look) in programs.iter().zip(looks(programs)) {
        let middle = y + BAR / 2.0;
        let (whose, which) = program.name.split_once(", ").unwrap_or((&program.name, ""));
        svg.text(20.0, middle - 2.0, Anchor::Start, "strong", whose);
        svg.text(20.0, middle + 14.0, Anchor::Start, "note", which.trim_matches('`'));
        let (ready, response) = (program.ready_ms.median, program.response_ms.median);
        let [zero, ready_x, response_x] = [0.0, ready, response].map(|value| times.place(value));
        svg.bar(zero, y, (ready_x - zero, BAR), &format!("s{look}"));
        svg.bar(ready_x, y, (response_x - ready_x, BAR), &format!("s{look} soft"));
        range(&mut svg, &times, program.response_ms, middle);
        let end = times.place(program.response_ms.most) + 8.0;
        let label = format!("{} → {}", number(ready), number(response));
        svg.text(end, middle + 4.0, Anchor::Start, "", &label);
        let (zero, peak) = (memory.place(0.0), memory.place(program.peak_mib.median));
        svg.bar(zero, y, (peak - zero, BAR), &format!("s{look}"));
        range(&mut svg, &memory, program.peak_mib, middle);
        let end = memory.place(program.peak_mib.most) + 8.0;
        svg.text(end, middle + 4.0, Anchor::Start, "", &number(program.peak_mib.median));
        y += ROW;
    }
    svg.line((TIMES.0, TOP - 4.0), (TIMES.0, y - ROW + BAR + 4.0), "axis");
    svg.line((MEMORY.0, TOP - 4.0), (MEMORY.0, y - ROW + BAR + 4.0), "axis");
    warming(&mut svg, cold_start, y + 12.0);
    let starts = programs.first().map_or(0, |program| program.starts);
    let note = format!(
        "Medians of {starts} starts of each, {}. No network and no limit on the processor. {NOT_MEASURED}",
        cold_start.date
    );
    svg.note(&note);
    svg.finish()
}

/// What it saves that the connection is there already.
fn warming(svg: &mut Svg, cold_start: &ColdStart, top: f64) {
    let title =
        "From its event to the first response, ms: connected early (in initialisation), or anew";
    svg.text(20.0, top, Anchor::Start, "strong", title);
    let all = || cold_start.warming.iter().flat_map(|one| [&one.warmed, &one.reconnected]);
    let scale = Scale::linear(all().map(|first| first.response_ms.most).fold(0.0, f64::max), TIMES);
    let mut y = top + 11.0;
    svg.line(
        (TIMES.0, y - 3.0),
        (TIMES.0, rows(all().count()).mul_add(SMALL_ROW, y - 3.0)),
        "axis",
    );
    for one in &cold_start.warming {
        for (how, first) in [("early", &one.warmed), ("anew", &one.reconnected)] {
            let middle = y + SMALL_BAR / 2.0;
            svg.text(20.0, middle + 4.0, Anchor::Start, "", &format!("{}, {how}", one.function));
            let (zero, end) = (scale.place(0.0), scale.place(first.response_ms.median));
            svg.bar(zero, y, (end - zero, SMALL_BAR), "s0");
            range(svg, &scale, first.response_ms, middle);
            let handshakes = match first.handshakes {
                1 => "1 TLS handshake".to_owned(),
                count => format!("{count} TLS handshakes"),
            };
            let label = format!("{:.1}, {handshakes}", first.response_ms.median);
            let end = scale.place(first.response_ms.most) + 8.0;
            svg.text(end, middle + 4.0, Anchor::Start, "", &label);
            y += SMALL_ROW;
        }
    }
}

fn rows(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

/// From the least to the most.
fn range(svg: &mut Svg, scale: &Scale, spread: Spread, y: f64) {
    let (from, to) = (scale.place(spread.least), scale.place(spread.most));
    svg.line((from, y), (to, y), "range");
    for x in [from, to] {
        svg.line((x, y - 4.0), (x, y + 4.0), "range");
    }
}

/// The colour of each program: of the first system's the first, of the next one's that of the peer in
/// JavaScript.
fn looks(programs: &[Program]) -> impl Iterator<Item = usize> {
    let system = |program: &Program| program.name.split(',').next().map(str::to_owned);
    let first = programs.first().and_then(system);
    programs.iter().map(move |program| if system(program) == first { 0 } else { 2 })
}

/// The picture in words.
fn description(cold_start: &ColdStart) -> String {
    let programs = cold_start.programs.iter().map(|program| {
        format!(
            "{}: {} ms until it asks for an event, {} ms until its first response, {} MiB.",
            program.name.replace('`', ""),
            number(program.ready_ms.median),
            number(program.response_ms.median),
            number(program.peak_mib.median)
        )
    });
    let warming = cold_start.warming.iter().map(|one| {
        format!(
            "{}: {:.1} ms from its event to the first response with a connection of the \
             initialisation, {:.1} ms without.",
            one.function, one.warmed.response_ms.median, one.reconnected.response_ms.median
        )
    });
    programs.chain(warming).chain([NOT_MEASURED.to_owned()]).collect::<Vec<_>>().join(" ")
}
