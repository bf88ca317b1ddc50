//! `bluegreen sandbox`

use std::path::Path;
use std::process::ExitStatus;

use bluegreen_sandbox::demo_service;
use bluegreen_sandbox::live::{Options, Sandbox};
use bluegreen_sandbox::shop::{Pace, Shop, ShopOptions};
use bluegreen_sandbox::tasks::guard::guard;
use tokio::signal::unix::{SignalKind, signal};

use super::session::{Session, block_on};
use crate::args::{SandboxArgs, SandboxCommand, SandboxRunArgs, WorldArgs};
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;

pub(super) fn run(session: &Session, args: &SandboxArgs) -> Result<Exit, Failure> {
    match &args.command {
        None => block_on(stay(session, args)),
        Some(SandboxCommand::Run(args)) => block_on(around(args)),
        Some(SandboxCommand::DemoService) => block_on(serve_demo()),
        Some(SandboxCommand::Guard { argv }) => block_on(guarded(argv)),
    }
}

/// Runs until a signal comes.
async fn stay(session: &Session, args: &SandboxArgs) -> Result<Exit, Failure> {
    let mut sandbox = start(&args.world, args.port).await?;
    let shop = open_shop(&sandbox, &args.world).await?;
    if session.json() {
        out::json(&serde_json::json!({
            "endpoint": sandbox.endpoint(), "url": shop.as_ref().map(|shop| &shop.url),
            "listener": shop.as_ref().map(|shop| &shop.listener), "clock": sandbox.clock(),
        }))?;
    } else {
        out::data(format_args!("AWS_ENDPOINT_URL={}", sandbox.endpoint()));
        introduce(&sandbox, shop.as_ref());
    }
    let stopped = stopped()?;
    let mut listeners = sandbox.listeners();
    tokio::pin!(stopped);
    loop {
        tokio::select! {
            () = &mut stopped => break,
            Some(note) = sandbox.note() => out::say(note),
            Ok(()) = listeners.changed() => {
                for bound in listeners.borrow_and_update().iter() {
                    out::say(format_args!("listening on http://{} for {}", bound.address, bound.id));
                }
            }
        }
    }
    sandbox.shutdown().await;
    Ok(Exit::Done)
}

/// Runs a program with a sandbox as its AWS; its exit code is ours.
async fn around(args: &SandboxRunArgs) -> Result<Exit, Failure> {
    let sandbox = start(&args.world, 0).await?;
    let shop = open_shop(&sandbox, &args.world).await?;
    let (program, arguments) = args.command.split_first().ok_or_else(|| Failure::usage("no program is named"))?;
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).envs(sandbox.environment()).kill_on_drop(true);
    // An address of one service, or a profile, would lead past the sandbox.
    let lead_past =
        |name: &str| name.starts_with("AWS_ENDPOINT_URL_") || name == "AWS_PROFILE" || name == "AWS_SESSION_TOKEN";
    for name in std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).filter(|name| lead_past(name)) {
        command.env_remove(name);
    }
    if let Some(shop) = &shop {
        command.env("SHOP_URL", &shop.url);
    }
    let mut child = command.spawn().map_err(|error| {
        Failure::caused(Exit::Usage, format!("{program} cannot be started"), error)
            .help("give a program and its arguments after `--`")
    })?;
    let stopped = stopped()?;
    tokio::pin!(stopped);
    let status = tokio::select! {
        status = child.wait() => status,
        // A terminal's Ctrl-C reaches the program as well: its end is waited for, not forced.
        () = &mut stopped => child.wait().await,
    };
    let status = status.map_err(|error| Failure::caused(Exit::Unexpected, format!("{program} was lost"), error))?;
    sandbox.shutdown().await;
    std::process::exit(code(status));
}

/// A program's exit code; 128 and the signal's number where a signal ended it.
fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;

    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1)
}

/// A sandbox by the options.
async fn start(args: &WorldArgs, port: u16) -> Result<Sandbox, Failure> {
    let options = Options {
        port,
        speed: args.speed,
        metric_period: args.metric_period,
        minute: args.minute,
        propagation: args.propagation,
        faults: args.fault.clone().unwrap_or_default(),
        seed: args.seed,
        page_size: args.page_size.map(usize::from),
        ..options()?
    };
    let sandbox = Sandbox::start(options).await;
    let sandbox = sandbox.map_err(|error| Failure::caused(Exit::Unexpected, "the sandbox cannot be started", error))?;
    sandbox.world(|world| {
        for (name, function) in &args.hooks {
            world.set_function(name, function.clone());
        }
    });
    Ok(sandbox)
}

/// The options of a sandbox whose tasks this very program runs.
pub(super) fn options() -> Result<Options, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::caused(Exit::Unexpected, "this program's own file cannot be found", error))?;
    let program = program.to_string_lossy().into_owned();
    let own = |verb: &[&str]| {
        let verb = verb.iter().map(|word| (*word).to_owned());
        std::iter::once(program.clone()).chain(std::iter::once("sandbox".to_owned())).chain(verb).collect()
    };
    Ok(Options {
        demo_service: own(&["demo-service"]),
        guard: own(&["guard", "--"]),
        ..Options::new(crate::env::now())
    })
}

/// A shop that is open.
struct Open {
    listener: String,
    url: String,
    dir: std::path::PathBuf,
}

/// Opens the shop and writes its files, where that is wanted.
async fn open_shop(sandbox: &Sandbox, args: &WorldArgs) -> Result<Option<Open>, Failure> {
    let Some(dir) = &args.shop else { return Ok(None) };
    let period = u32::try_from(args.metric_period.as_secs()).unwrap_or(60);
    let options = ShopOptions { alarm_period: period, ..ShopOptions::default() };
    let shop = sandbox
        .world(|world| Shop::open(world, options))
        .map_err(|error| Failure::caused(Exit::Unexpected, "the shop cannot be opened", error))?;
    let pace = if period == 60 { Pace::AWS } else { Pace::QUICK };
    write_files(dir, &shop, pace)?;
    let address = sandbox.listening(&shop.listener).await;
    let address = address.ok_or_else(|| Failure::new(Exit::Unexpected, "the shop's listener does not listen"))?;
    Ok(Some(Open { url: format!("http://{address}"), listener: shop.listener, dir: dir.clone() }))
}

/// The spec and three versions: one that runs, a good one, and one that fails.
pub(super) fn write_files(dir: &Path, shop: &Shop, pace: Pace) -> Result<(), Failure> {
    let failed = |error| {
        Failure::caused(Exit::Usage, format!("{} cannot be written", dir.display()), error)
            .help("name a folder that you may write to, or that does not exist yet")
    };
    std::fs::create_dir_all(dir).map_err(failed)?;
    let definition = |version: &str, environment: &[(&str, &str)]| {
        serde_json::to_string_pretty(&Shop::task_definition(version, environment)).unwrap_or_default() + "\n"
    };
    let files = [
        ("bluegreen.yaml", shop.spec("v2.json", pace)),
        ("v2.json", definition("2", &[])),
        ("v3.json", definition("3", &[("ERROR_RATE", "30%")])),
    ];
    for (name, text) in files {
        std::fs::write(dir.join(name), text).map_err(failed)?;
    }
    Ok(())
}

/// What a person needs to begin.
fn introduce(sandbox: &Sandbox, shop: Option<&Open>) {
    let exports: Vec<String> =
        sandbox.environment()[1..].iter().map(|(name, value)| format!("{name}={value}")).collect();
    out::say("AWS on this machine, for programs started with these variables:");
    out::say(format_args!("  export AWS_ENDPOINT_URL={}", sandbox.endpoint()));
    for pair in exports.chunks(2) {
        out::say(format_args!("  export {}", pair.join(" ")));
    }
    if let Some(shop) = shop {
        out::say(format_args!("a shop is open at {}; its files are in {}:", shop.url, shop.dir.display()));
        out::say("  bluegreen deploy --yes                                  # version 2, good");
        out::say("  bluegreen deploy --yes --task-definition v3.json       # version 3, fails");
    }
    out::say("Ctrl-C ends it with everything that it runs");
}

/// Comes to its end with SIGINT or SIGTERM.
fn stopped() -> Result<impl Future<Output = ()>, Failure> {
    let failed = |error| Failure::caused(Exit::Unexpected, "signals cannot be received", error);
    let mut int = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut term = signal(SignalKind::terminate()).map_err(failed)?;
    Ok(async move {
        tokio::select! { _ = int.recv() => {}, _ = term.recv() => {} }
    })
}

/// The built-in service, by its environment.
async fn serve_demo() -> Result<Exit, Failure> {
    let config = demo_service::Config::read(crate::env::var)
        .map_err(|error| Failure::caused(Exit::Usage, "the demo service's environment is not right", error))?;
    let ending = demo_service::serve(config, |address| out::say(format_args!("listening on {address}"))).await;
    let ending = ending.map_err(|error| Failure::caused(Exit::Unexpected, "the demo service ended", error))?;
    Ok(if ending.code() == 0 { Exit::Done } else { Exit::Unexpected })
}

/// A task's program, ended with the sandbox.
async fn guarded(argv: &[String]) -> Result<Exit, Failure> {
    let ended = guard(argv).await;
    let code = ended.map_err(|error| Failure::caused(Exit::Usage, "the task cannot be run", error))?;
    std::process::exit(code);
}
