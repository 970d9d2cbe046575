//! The demonstration: a corridor of Great Britain, France and Italy, played once, or lasting with a trickle of traffic.

use crate::fleet::{Fleet, Ground, Storage, StoreChoice};
use crate::plan::{Declaration, Plan};
use crate::play::{Outcome, Play};
use crate::progress::Drawing;
use crate::run::{Options, Report, RunError, run};
use base::{AccessCode, Country, Grn};
use std::future::Future;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use wire::{Document, Limits};

/// The declaration that the demonstration plays, and from which its traffic is made.
const DECLARATION: &[u8] = include_bytes!("../declarations/gb-fr-it.xml");

/// What the demonstration runs with.
#[derive(Clone, Debug)]
pub struct DemoOptions {
    /// The `tidewaiter` binary that each node runs.
    pub binary: PathBuf,
    /// The folder that takes nodes' data and messages: a new or empty one, or that of an earlier demonstration, which
    /// makes room.
    pub folder: PathBuf,
    /// Seconds between two declarations.
    pub every_seconds: u64,
}

/// How long people take between two steps: long enough to see on a console what waits for them.
const PAUSE: Duration = Duration::from_secs(5);

/// Where a consignment of the traffic goes: from, through, to.
struct Leg {
    departure: &'static str,
    transit: &'static str,
    destination: &'static str,
    guarantee_serial: &'static str,
    access_code: &'static str,
}

/// The legs that the traffic uses in turn.
const LEGS: [Leg; 3] = [
    Leg {
        departure: "GB000087",
        transit: "FR620001",
        destination: "IT314100",
        guarantee_serial: "1001",
        access_code: "LE01",
    },
    Leg {
        departure: "IT314100",
        transit: "FR620001",
        destination: "GB000087",
        guarantee_serial: "2001",
        access_code: "TO01",
    },
    Leg {
        departure: "FR620001",
        transit: "GB000060",
        destination: "GB000087",
        guarantee_serial: "3001",
        access_code: "CA01",
    },
];

/// Goods of the traffic: description, HS sub-heading, combined nomenclature ending.
const GOODS: [(&str, &str, &str); 5] = [
    ("Whisky in bottles of 0.7 l", "220830", "30"),
    ("Lithium-ion accumulators for vehicles", "850760", "00"),
    ("Espresso machines for restaurants", "841981", "20"),
    ("Ceramic tiles, glazed", "690721", "00"),
    ("Wool yarn on cones", "510720", "10"),
];

/// Plays one consignment from Leeds through Calais to Turin.
///
/// # Errors
/// As [`run`].
pub async fn demo_once(options: &DemoOptions, stop: impl Future<Output = ()>) -> Result<Report, RunError> {
    let folder = fresh(&options.folder)?;
    let declaration = folder.join("gb-fr-it.xml");
    std::fs::write(&declaration, DECLARATION).map_err(|error| RunError::Out(declaration.clone(), error))?;
    let out = folder.join("messages");
    let run_options = Options {
        binary: options.binary.clone(),
        declarations: vec![declaration],
        out: out.clone(),
        reference: None,
        store: StoreChoice::Sqlite,
        keep: None,
        progress: Drawing::OnTerminal,
    };
    let report = run(&run_options, stop).await?;
    say(format_args!("{} messages are in {}", report.messages.len(), out.display()));
    Ok(report)
}

/// Runs the lasting corridor until `stop` resolves.
///
/// # Errors
/// When the nodes cannot be brought up.
pub async fn demo(options: &DemoOptions, stop: impl Future<Output = ()>) -> Result<(), RunError> {
    let folder = fresh(&options.folder)?;
    let today = node::World::system().clock.now().date();
    let catalogue = node::load_catalogue(None)?;
    let lists = node::Lists(&catalogue);
    let first = (0..LEGS.len()).filter_map(|index| traffic(index).map(|xml| (index, xml)));
    let declarations: Vec<Declaration> = first
        .map(|(index, xml)| Declaration::parse(index, Path::new("traffic"), xml, &lists, today))
        .collect();
    let mut plan = Plan::of(declarations)?;
    for registration in plan.registrations.values_mut() {
        // The traffic goes on for as long as someone watches.
        registration.uses = 100;
    }
    let ground = Ground { folder: Some(folder.clone()), store: StoreChoice::Sqlite, reference: None };
    let fleet = Fleet::launch(&options.binary, &plan.countries, &ground)?;
    tokio::pin!(stop);
    let opening = async {
        fleet.ready().await?;
        fleet.register_guarantees(&plan.registrations).await
    };
    let opened = tokio::select! {
        opened = opening => Some(opened),
        () = &mut stop => None,
    };
    let Some(Ok(())) = opened else {
        fleet.stop(Storage::Keep).await;
        return opened.unwrap_or(Ok(())).map_err(RunError::from);
    };
    introduce(&fleet, &folder, options.every_seconds);
    let corridor = Arc::new(fleet.cast());
    let mut index = 0;
    while let Some(xml) = traffic(index) {
        let declaration = Declaration::parse(index, Path::new("traffic"), xml, &lists, today);
        let corridor = Arc::clone(&corridor);
        tokio::spawn(async move {
            let lrn = declaration.route.as_ref().map(|route| route.lrn.to_string()).unwrap_or_default();
            let play = Play::new(&corridor, &declaration).unhurried(PAUSE);
            match play.run(|state| say(format_args!("{lrn}  {state}"))).await {
                Outcome::WrittenOff { mrn } => {
                    say(format_args!("{lrn}  written off as {mrn}, guarantee released"))
                }
                other => say(format_args!("{lrn}  ended otherwise: {other:?}")),
            }
        });
        index += 1;
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(options.every_seconds.max(1))) => {}
            () = &mut stop => break,
        }
    }
    say(format_args!("stopping the nodes"));
    fleet.stop(Storage::Keep).await;
    Ok(())
}

/// Says where to look and how to sign in; the same is kept in a file, for whoever comes later.
fn introduce(fleet: &Fleet, folder: &Path, every_seconds: u64) {
    let mut lines = vec!["Three administrations are in service:".to_owned(), String::new()];
    for (country, sign_in) in fleet.sign_ins() {
        lines.push(format!(
            "  {:<14} {}   sign in as `{}` with password `{}`",
            country_name(country),
            sign_in.console,
            sign_in.name,
            sign_in.password
        ));
    }
    lines.push(String::new());
    lines.push(format!(
        "A consignment sets out every {every_seconds} s; officers and carriers are played. Ctrl-C stops."
    ));
    let text = lines.join("\n");
    say(format_args!("{text}\n"));
    // The file is a convenience; without it the lines above still stand on the terminal.
    let _ = node::write_private(&folder.join("sign-in.txt"), (text + "\n").as_bytes());
}

fn country_name(country: Country) -> String {
    match country.as_str() {
        "GB" => "Great Britain".to_owned(),
        "FR" => "France".to_owned(),
        "IT" => "Italy".to_owned(),
        other => other.to_owned(),
    }
}

/// The file that marks a folder as a demonstration's.
const MARKER: &str = ".tidewaiter-demo";

/// What a demonstration leaves in its folder.
const LEFT_BEHIND: [&str; 6] = ["gb", "fr", "it", "messages", "gb-fr-it.xml", "sign-in.txt"];

/// Makes the folder of a demonstration, or removes from it what an earlier one left there.
///
/// Nothing is removed from a folder without our marker, and of a folder that has it only what a demonstration leaves:
/// whoever names a wrong folder loses nothing.
fn fresh(folder: &Path) -> Result<PathBuf, RunError> {
    let failed = |error| RunError::Out(folder.to_owned(), error);
    node::make_private_folder(folder).map_err(failed)?;
    let marker = folder.join(MARKER);
    if marker.is_file() {
        for name in LEFT_BEHIND {
            let old = folder.join(name);
            if old.is_dir() {
                std::fs::remove_dir_all(&old).map_err(failed)?;
            } else if old.exists() {
                std::fs::remove_file(&old).map_err(failed)?;
            }
        }
    } else if std::fs::read_dir(folder).map_err(failed)?.next().is_some() {
        return Err(RunError::NotOurs(folder.to_owned()));
    } else {
        std::fs::write(&marker, "A demonstration of Tidewaiter may replace what is in this folder.\n")
            .map_err(failed)?;
    }
    std::path::absolute(folder).map_err(failed)
}

/// The declaration number `index` of the traffic. `None` only if the shipped declaration were malformed, which a test
/// excludes.
pub(crate) fn traffic(index: usize) -> Option<Vec<u8>> {
    let mut document: Document = wire::read(DECLARATION, &Limits::default()).ok()?;
    let leg = LEGS.get(index % LEGS.len())?;
    let (goods, heading, ending) = GOODS.get(index % GOODS.len())?;
    let departure = Country::parse(leg.departure.get(..2)?).ok()?;
    let grn = Grn::issue(2026, departure, leg.guarantee_serial).ok()?;
    let now = node::World::system().clock.now();
    document.set("preparationDateAndTime", now.message_form());
    document.set("messageRecipient", format!("NTA.{departure}"));
    document.set("messageIdentification", format!("TRAFFIC-{index:06}"));
    document.set("TransitOperation/LRN", format!("DEMO-{:04}-{}", index + 1, now.date()));
    document.set("CustomsOfficeOfDeparture/referenceNumber", leg.departure);
    document.set("CustomsOfficeOfDestinationDeclared/referenceNumber", leg.destination);
    document.set("CustomsOfficeOfTransitDeclared/referenceNumber", leg.transit);
    document.set("Guarantee/GuaranteeReference/GRN", &grn);
    document.set("Guarantee/GuaranteeReference/accessCode", AccessCode::parse(leg.access_code).ok()?);
    document.set("Consignment/countryOfDispatch", departure);
    document.set("Consignment/countryOfDestination", leg.destination.get(..2)?);
    document.set("Consignment/LocationOfGoods/CustomsOffice/referenceNumber", leg.departure);
    document.set("Consignment/CountryOfRoutingOfConsignment/country", leg.transit.get(..2)?);
    let border = "Consignment/ActiveBorderTransportMeans/customsOfficeAtBorderReferenceNumber";
    document.set(border, leg.transit);
    let commodity = "Consignment/HouseConsignment/ConsignmentItem/Commodity";
    document.set(&format!("{commodity}/descriptionOfGoods"), goods);
    document.set(&format!("{commodity}/CommodityCode/harmonizedSystemSubHeadingCode"), heading);
    document.set(&format!("{commodity}/CommodityCode/combinedNomenclatureCode"), ending);
    wire::write(&document).ok()
}

/// Prints a line; a reader that has gone away ends no demonstration.
fn say(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_declaration_of_the_traffic_is_valid() {
        let xml: Vec<_> = (0..15).map(traffic).collect();
        assert!(xml.iter().all(Option::is_some));
    }
    #[test]
    fn a_folder_that_is_not_ours_is_refused_and_stays_as_it_is() {
        let ground = std::env::temp_dir().join(format!("tidewaiter-demo-{}", std::process::id()));
        let theirs = ground.join("theirs");
        std::fs::create_dir_all(theirs.join("messages")).unwrap();
        std::fs::write(theirs.join("messages/letter"), "from home").unwrap();
        assert!(matches!(fresh(&theirs), Err(RunError::NotOurs(_))));
        assert_eq!(std::fs::read_to_string(theirs.join("messages/letter")).unwrap(), "from home");

        let ours = fresh(&ground.join("ours")).unwrap();
        std::fs::create_dir(ours.join("gb")).unwrap();
        std::fs::write(ours.join("sign-in.txt"), "").unwrap();
        std::fs::write(ours.join("notes"), "of the user").unwrap();
        fresh(&ours).unwrap();
        assert!(!ours.join("gb").exists() && !ours.join("sign-in.txt").exists());
        assert!(ours.join("notes").exists() && ours.join(MARKER).exists());

        std::fs::create_dir(ground.join("empty")).unwrap();
        assert!(fresh(&ground.join("empty")).is_ok());
        std::fs::remove_dir_all(ground).unwrap();
    }
}
