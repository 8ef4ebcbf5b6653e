//! Real clock, real HTTP, exit code; nothing else.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use jiff::Timestamp;
use tenure::cli::{self, Outside};
use tenure::provider::http::Http;
use tenure::seam::Clock;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return ExitCode::FAILURE };
    let code = runtime.block_on(async {
        let interrupted = Arc::new(AtomicU8::new(130));
        let outside = Outside {
            transport: Arc::new(Http::new()),
            clock: Arc::new(RealClock::default()),
            interrupt: watch_signals(Arc::clone(&interrupted)),
            interrupted,
        };
        cli::run(std::env::args_os().collect(), outside).await
    });
    ExitCode::from(code)
}

/// The first signal asks the run to stop; a second one ends the process, and the next run settles what was open.
fn watch_signals(interrupted: Arc<AtomicU8>) -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        let (Ok(mut int), Ok(mut term)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
            return;
        };
        loop {
            let code = tokio::select! {
                _ = int.recv() => 130,
                _ = term.recv() => 143,
            };
            if *sender.borrow() {
                std::process::exit(i32::from(code));
            }
            interrupted.store(code, Ordering::Relaxed);
            // Nobody listens any more when the run has ended already.
            if sender.send(true).is_err() {
                std::process::exit(i32::from(code));
            }
        }
    });
    receiver
}

#[derive(Default)]
struct RealClock {
    nonces: AtomicU64,
}

#[async_trait]
impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn nonce(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // Time, process and a counter, mixed so that every bit depends on all of them.
        let mut mixed = (since.as_nanos() as u64) ^ (u64::from(std::process::id()) << 48);
        mixed = mixed.wrapping_add(self.nonces.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}
