//! Metrics in the Prometheus text format (version 0.0.4). They count; they never name a movement or a trader.

use crate::exchange_desk::QueueView;
use crate::node::{Node, NodeError};
use crate::views;
use std::fmt::Write;
use store::{log, outbox};

impl Node {
    /// The metrics of this node.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn metrics(&self) -> Result<String, NodeError> {
        let (movements, letters, log_size) = self
            .read(|tx| -> Result<_, NodeError> {
                Ok((views::movement_counts(tx)?, outbox::counts(tx)?, log::size(tx)?))
            })
            .await?;
        let mut out = String::new();
        for (name, help, value) in self.counters().all() {
            sample(&mut out, name, "counter", help, &[("", value.to_string())]);
        }
        let channel = self.counters().channel();
        let help = "Peers and envelopes that were refused, by place and code.";
        sample(&mut out, "refusals_total", "counter", help, &channel.refusals());
        let help = "TLS connections with partners, by who opened them and the key exchange.";
        sample(&mut out, "handshakes_total", "counter", help, &channel.handshakes());
        let statistics = self.store().statistics();
        sample(
            &mut out,
            "store_commands_total",
            "counter",
            "Commands that were made durable.",
            &[("", statistics.commands.to_string())],
        );
        sample(
            &mut out,
            "store_commits_total",
            "counter",
            "Durable commits; one holds many commands.",
            &[("", statistics.commits.to_string())],
        );
        let effort: Vec<(String, String)> = self
            .effort()
            .spent()
            .map(|(step, spent)| (format!("{{step=\"{}\"}}", step.name()), spent.as_secs_f64().to_string()))
            .collect();
        let effort: Vec<(&str, String)> =
            effort.iter().map(|(labels, value)| (labels.as_str(), value.clone())).collect();
        sample(
            &mut out,
            "exchange_cpu_seconds_total",
            "counter",
            "Processor time of messages between administrations, by step.",
            &effort,
        );
        sample(
            &mut out,
            "log_leaves",
            "gauge",
            "Leaves of the node's Merkle log.",
            &[("", log_size.to_string())],
        );
        self.log_samples(&mut out).await?;
        let letters = [
            ("{status=\"ready\"}", letters.ready),
            ("{status=\"waiting\"}", letters.waiting),
            ("{status=\"refused\"}", letters.refused),
            ("{status=\"expired\"}", letters.expired),
        ];
        let letters = letters.map(|(labels, value)| (labels, value.to_string()));
        sample(&mut out, "outbox_letters", "gauge", "Letters in the outbox by status.", &letters);
        self.exchange_metrics(&mut out).await?;
        let registers: Vec<(String, String)> = self
            .register_days()
            .into_iter()
            .map(|(agreement, days)| (format!("{{agreement=\"{agreement}\"}}"), days.to_string()))
            .collect();
        let registers: Vec<(&str, String)> =
            registers.iter().map(|(labels, days)| (labels.as_str(), days.clone())).collect();
        let help = "Days until the key register of an agreement expires; negative when it has.";
        sample(&mut out, "key_register_days", "gauge", help, &registers);
        let rows: Vec<(String, String)> = movements
            .into_iter()
            .map(|(room, state, count)| (format!("{{room=\"{room}\",state=\"{state}\"}}"), count.to_string()))
            .collect();
        sample(&mut out, "movements", "gauge", "Movements by room and state.", &rows);
        Ok(out)
    }

    /// How the log stands with its checkpoints and witnesses.
    async fn log_samples(&self, out: &mut String) -> Result<(), NodeError> {
        let log = self.log_view().await?;
        let (findings, proved) = self.unseen_findings().await?;
        let mut gauge =
            |name: &str, help: &str, value: String| sample(out, name, "gauge", help, &[("", value)]);
        let (size, age) = log.checkpoint.as_ref().map_or((0, 0), |checkpoint| {
            (checkpoint.size, (self.now().as_micros() - checkpoint.at).max(0) / 1_000_000)
        });
        gauge("log_checkpoint_leaves", "Leaves that the last checkpoint covers.", size.to_string());
        gauge("log_checkpoint_age_seconds", "Age of the last checkpoint.", age.to_string());
        let up_to_date =
            log.witnesses.iter().filter(|witness| witness.size == Some(size) && size > 0).count();
        gauge("log_cosignatures", "Witnesses that cosigned the last checkpoint.", up_to_date.to_string());
        let met = log.quorums.iter().all(|quorum| quorum.met);
        gauge(
            "log_quorum_met",
            "Whether the witnesses that agreements ask for cosign.",
            u8::from(met).to_string(),
        );
        let behind = u8::from(log.behind.is_some());
        gauge("log_behind", "Whether the database is behind what was signed.", behind.to_string());
        let words = "Proofs that a log showed two histories, which no officer has marked as seen.";
        gauge("log_equivocations", words, proved.to_string());
        let words = "What monitoring of logs has found and no officer has marked as seen.";
        gauge("log_findings", words, findings.to_string());
        Ok(())
    }
}

impl Node {
    /// What waits for each partner.
    async fn exchange_metrics(&self, out: &mut String) -> Result<(), NodeError> {
        let view = self.exchange().await?;
        let now = self.now().as_micros();
        let figures: [Figure; 5] = [
            ("queue_letters", "Letters that wait for a partner.", |queue, _| queue.letters),
            ("queue_bytes", "Bytes of content that wait for a partner.", |queue, _| queue.bytes),
            ("queue_oldest_seconds", "How long the oldest letter to a partner has waited.", |queue, now| {
                queue.oldest.map_or(0, |oldest| (now - oldest).max(0) / 1_000_000)
            }),
            ("circuit_open", "Whether a partner is left alone since it does not answer.", |queue, _| {
                i64::from(queue.circuit != "closed")
            }),
            ("exchange_alarms", "Alarms about the way to a partner.", |queue, _| {
                i64::try_from(queue.alarms.len()).unwrap_or(i64::MAX)
            }),
        ];
        for (name, help, figure) in figures {
            let rows = view.queues.iter();
            let rows = rows.map(|queue| (format!("{{partner=\"{}\"}}", queue.partner), figure(queue, now)));
            sample(out, name, "gauge", help, &rows.collect::<Vec<_>>());
        }
        let help = "Staged statements that partners have not taken yet.";
        sample(out, "stages_waiting", "gauge", help, &[("", view.stages_waiting)]);
        Ok(())
    }
}

/// A figure of a queue: name, help, and how it is read at a moment in microseconds.
type Figure = (&'static str, &'static str, fn(&QueueView, i64) -> i64);

pub(crate) fn sample<L: AsRef<str>, V: std::fmt::Display>(
    out: &mut String,
    name: &str,
    kind: &str,
    help: &str,
    values: &[(L, V)],
) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "# HELP tidewaiter_{name} {help}");
    let _ = writeln!(out, "# TYPE tidewaiter_{name} {kind}");
    for (labels, value) in values {
        let _ = writeln!(out, "tidewaiter_{name}{} {value}", labels.as_ref());
    }
}
