//! What a request takes in each system: counted once, then timed in turn.

use std::time::Duration;

use bench::Failure;
use bench::dynamodb::{Counted, Counting};
use bench::function::Function;
use bench::results::{Case, Read, System};

use crate::process::{Shown, perform};
use crate::requests::Request;

/// How many samples there are at most: as many as a 99th percentile takes.
const ENOUGH: u32 = 100;

/// How many samples there are at least.
const FEW: u32 = 5;

/// A request that takes longer than this has [`FEW`] samples, and no 99th percentile.
const SLOW: Duration = Duration::from_secs(1);

/// A system with its log: processes that are timed, and processes whose calls are counted.
pub(crate) struct Target {
    pub(crate) system: System,
    pub(crate) timed: Functions,
    /// Absent for a system without DynamoDB.
    pub(crate) counted: Option<(Counting, Functions)>,
}

/// The functions of a system: one per route, or one for all routes.
pub(crate) struct Functions(pub(crate) Vec<Function>);

impl Functions {
    fn of(&mut self, request: &Request) -> Result<&mut Function, Failure> {
        let index = if self.0.len() == 1 { 0 } else { request.route as usize };
        self.0.get_mut(index).ok_or_else(|| "a route has no function".into())
    }
}

impl Target {
    /// Whether the system can do it: the usual design has no facets and no histogram.
    fn can(&self, request: &Request) -> bool {
        match self.system {
            System::Ours | System::Postgresql => true,
            System::Dynamodb | System::Node => !request.is_summary,
        }
    }
}

/// Measures one request in all systems. Their responses must be the same. Where 100 samples take longer
/// than `time`, there are fewer.
///
/// # Errors
/// If a system fails, or shows something else than the first.
pub(crate) async fn measure(
    targets: &mut [Target],
    request: &Request,
    time: Duration,
) -> Result<Case<Read>, Failure> {
    let mut able: Vec<_> =
        targets.iter_mut().filter(|target| target.can(request)).map(Measured::new).collect();
    let mut expected = None;
    for measured in &mut able {
        measured.begin(request, time).await?;
        let system = measured.target.system;
        let shown = std::mem::take(&mut measured.shown);
        match &expected {
            None => expected = Some(shown),
            Some(expected) if *expected == shown => {}
            Some(expected) => {
                let [first, other] = [expected, &shown].map(|shown| brief(shown));
                return Err(
                    format!("{system:?} shows {other}, and the first system {first}").into()
                );
            }
        }
    }
    // In turn, so that a busy machine slows all systems alike.
    let most = able.iter().map(|measured| measured.wanted).max().unwrap_or_default();
    for _ in 0..most {
        for measured in &mut able {
            measured.sample(request).await?;
        }
    }
    let systems = able.into_iter().map(Measured::finish).collect::<Result<_, _>>()?;
    Ok(Case { name: request.name.clone(), systems })
}

/// What a difference is told by.
fn brief(shown: &[Shown]) -> String {
    let pages = shown.iter().map(|page| {
        let ids = &page.ids[..page.ids.len().min(3)];
        let Shown { total, facets, histogram, .. } = page;
        format!("{} of {total} from {ids:?}, {facets}, {histogram}", page.ids.len())
    });
    pages.collect::<Vec<_>>().join("; ")
}

struct Measured<'a> {
    target: &'a mut Target,
    counted: Option<Counted>,
    shown: Vec<Shown>,
    /// How long the request took at first.
    once: Duration,
    /// How many samples there are to be.
    wanted: u32,
    times: Vec<Duration>,
    cpu: Duration,
}

impl<'a> Measured<'a> {
    fn new(target: &'a mut Target) -> Self {
        Self {
            target,
            counted: None,
            shown: Vec::new(),
            once: Duration::ZERO,
            wanted: 0,
            times: Vec::new(),
            cpu: Duration::ZERO,
        }
    }

    /// Counts the request, sends it once to warm up, and decides how often it is timed.
    async fn begin(&mut self, request: &Request, time: Duration) -> Result<(), Failure> {
        if let Some((counting, functions)) = &mut self.target.counted {
            counting.take()?;
            perform(functions.of(request)?, request).await?;
            self.counted = Some(counting.take()?);
        }
        let performed = perform(self.target.timed.of(request)?, request).await?;
        self.shown = performed.shown;
        self.once = performed.elapsed;
        self.wanted = samples(performed.elapsed, time);
        if performed.elapsed > SLOW {
            // Nothing that is done once would show in it.
            self.times.push(performed.elapsed);
            self.cpu += performed.cpu;
        }
        Ok(())
    }

    /// Times the request once more, if that is wanted.
    async fn sample(&mut self, request: &Request) -> Result<(), Failure> {
        if self.times.len() < self.wanted as usize {
            let performed = perform(self.target.timed.of(request)?, request).await?;
            self.times.push(performed.elapsed);
            self.cpu += performed.cpu;
        }
        Ok(())
    }

    fn finish(self) -> Result<(System, Read), Failure> {
        let mut times = self.times;
        times.sort_unstable();
        let samples = u32::try_from(times.len())?;
        let p99 = if self.once > SLOW { None } else { percentile(&times, 99) };
        let read = Read {
            read_units: self.counted.map(|counted| counted.read_units),
            round_trips: self.counted.map(|counted| counted.round_trips),
            p50_ms: millis(percentile(&times, 50).ok_or("there are no samples")?),
            p99_ms: p99.map(millis),
            cpu_ms: millis(self.cpu / samples.max(1)),
            samples,
        };
        Ok((self.target.system, read))
    }
}

/// How often a request is timed that took `once`, if its samples are to take `time`.
fn samples(once: Duration, time: Duration) -> u32 {
    if once > SLOW {
        return FEW;
    }
    let fit = time.as_micros() / once.as_micros().max(1);
    u32::try_from(fit).unwrap_or(u32::MAX).clamp(FEW, ENOUGH)
}

/// The smallest of `sorted` that as many per cent are not above (nearest rank); `None` of nothing.
fn percentile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

/// Milliseconds, rounded to a microsecond.
fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_nearest_rank() {
        let times: Vec<_> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(percentile(&times, 50), Some(Duration::from_millis(50)));
        assert_eq!(percentile(&times, 99), Some(Duration::from_millis(99)));
        assert_eq!(percentile(&times, 100), Some(Duration::from_millis(100)));
        let five = &times[..5];
        assert_eq!(percentile(five, 50), Some(Duration::from_millis(3)));
        assert_eq!(percentile(&times[..1], 50), Some(Duration::from_millis(1)));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn a_slow_request_has_five_samples_and_a_fast_one_a_hundred() {
        let time = Duration::from_secs(4);
        for (millis, expected) in
            [(0, 100), (1, 100), (40, 100), (80, 50), (900, 5), (1_001, 5), (60_000, 5)]
        {
            assert_eq!(samples(Duration::from_millis(millis), time), expected, "{millis} ms");
        }
    }

    #[test]
    fn milliseconds_have_three_decimals() {
        assert!((millis(Duration::from_nanos(1_234_567)) - 1.235).abs() < 1e-9);
    }
}
