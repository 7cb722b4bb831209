//! The commands of the client: they talk to a service, or check what came from one.

use super::{
    Exit, Failure, account, assert, audit, begin, bias, bom, break_glass, check, comment, compare, dataset, delegate,
    dossier, env, evidence, factor, finding, framework, init, inspect, lineage, policy, promotion, pull, push, quota,
    record, release, running, sign_in, signing, snapshot, trust, waiver, workload,
};
use clap::Subcommand;

#[derive(Subcommand)]
pub enum Remote {
    /// Sign in at a service and pin its key.
    #[command(
        after_help = "Examples:\n  plimsoll login http://127.0.0.1:8250 --user ines\n  plimsoll login https://plimsoll.example.org --token-stdin < deployer.token"
    )]
    Login(sign_in::Login),
    /// Make the first account of a new service, with the code that it printed.
    #[command(after_help = "Example:\n  plimsoll found http://127.0.0.1:8250 --user ada")]
    Found(begin::Found),
    /// Choose your password with a code from an administrator: for a new account, or for a password that was lost.
    #[command(
        after_help = "Examples:\n  plimsoll join https://plimsoll.example.org\n  plimsoll join https://plimsoll.example.org --stdin < code-and-password.txt"
    )]
    Join(begin::Join),
    /// End the stored session.
    #[command(after_help = "Example:\n  plimsoll logout")]
    Logout(sign_in::Logout),
    /// Say who you are to the service.
    #[command(after_help = "Example:\n  plimsoll whoami --json")]
    Whoami(sign_in::Whoami),
    /// Describe a model in a folder and make a signing key.
    #[command(after_help = "Example:\n  plimsoll init ./credit --model credit-risk")]
    Init(init::Init),
    /// Sign a folder's files as a model (OMS v1.0), without a registry; `push` does so by itself.
    #[command(
        after_help = "Examples:\n  plimsoll sign ./credit/v3\n  plimsoll sign ./credit/v3 --name credit-risk -o credit.sig"
    )]
    Sign(signing::Sign),
    /// Verify a model's signature (OMS v1.0), without a registry.
    #[command(
        after_help = "Examples:\n  plimsoll verify ./credit/v3 --key ines.pub.pem\n  plimsoll verify ./credit/v3 --trust-root authority.pem --identity email:ines@example.com\n\nExit codes: 0 it verifies, 6 it does not. Every file is signed, whole and unchanged, or it does not."
    )]
    Verify(signing::Verify),
    /// Sign a folder's files and push them as a version.
    #[command(
        after_help = "Examples:\n  plimsoll push ./credit/v3 credit-risk\n  plimsoll push --resume ./credit/v3 credit-risk\n\nFiles of more than 64 MiB go in pieces, so that after an interruption --resume sends only what is missing."
    )]
    Push(push::Push),
    /// Measure against an environment's limits: a registered version by the registry, or files that are here on the spot.
    #[command(
        after_help = "Examples:\n  plimsoll check credit-risk@3 --env production\n  plimsoll check ./credit/v4 --env production\n  plimsoll check model.onnx --constraints constraints.yaml --data holdout.csv --description holdout.yaml\n  plimsoll check voice.onnx --env edge --data recordings.npz --description recordings.yaml\n\nExit codes: 0 inside every blocking limit, 5 not. A local check is no evidence: nothing is sent."
    )]
    Check(check::Check),
    /// Say what files hold and what in them would run, from their bytes alone. Nothing is executed, nothing is sent.
    #[command(
        after_help = "Exit codes: 0 a registry would seal them, 5 it would not.\n\nExamples:\n  plimsoll inspect weights.gguf\n  plimsoll inspect ./credit/v4 --json"
    )]
    Inspect(inspect::Inspect),
    /// Measure a version beside what is active, or beside another version: speed, memory, answers. Judges nothing.
    #[command(
        after_help = "Examples:\n  plimsoll compare credit-risk@4 --env production\n  plimsoll compare credit-risk@5 --env edge --against 4\n  plimsoll compare --list"
    )]
    Compare(compare::Compare),
    /// Say what a version was made from and what was made from it, as signed statements say.
    #[command(
        after_help = "Examples:\n  plimsoll lineage credit-risk@4\n  plimsoll lineage sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    )]
    Lineage(lineage::Lineage),
    /// Write a version's bill of materials, in the format CycloneDX 1.6.
    #[command(
        after_help = "Examples:\n  plimsoll bom credit-risk@4 > credit-risk.cdx.json\n  plimsoll bom credit-risk@4 -o credit-risk.cdx.json"
    )]
    Bom(bom::Bom),
    /// Show how much the workspace keeps, and how much it may.
    #[command(after_help = "Example:\n  plimsoll quota --json")]
    Quota(quota::Quota),
    /// Look at validation runs.
    #[command(subcommand)]
    Run(check::Run),
    /// Compute figures of groups from predictions in a file, as the registry would. Nothing is sent.
    #[command(
        after_help = "Examples:\n  plimsoll bias predictions.csv --label y_true --prediction y_pred --score score --positive 1 --sensitive sex --sensitive race\n  plimsoll bias predictions.csv people.csv --label y --prediction p --regression --sensitive age --cut age=40 --json"
    )]
    Bias(bias::Bias),
    /// Ask for a version to become active in an environment.
    #[command(
        after_help = "Example:\n  plimsoll request credit-risk@3 --env production --comment 'fitted on 2026 data'"
    )]
    Request(promotion::Request),
    /// Approve exactly what you looked at.
    #[command(
        after_help = "Examples:\n  plimsoll approve 019a4c1e-… --digest sha256:… --reason 'inside every limit'\n  plimsoll approve 019a4c1e-… --digest sha256:… --on-behalf-of mara --condition 'look at the drift after a week'"
    )]
    Approve(promotion::Approve),
    /// Reject a request.
    #[command(
        after_help = "Example:\n  plimsoll reject 019a4c1e-… --digest sha256:… --reason 'no data on the under-25s'"
    )]
    Reject(promotion::Reject),
    /// Take your own approval of a request back, before it is active.
    #[command(after_help = "Example:\n  plimsoll unapprove 019a4c1e-… --reason 'the data has a gap after all'")]
    Unapprove(promotion::Unapprove),
    /// Talk about a request.
    #[command(subcommand)]
    Promotion(comment::Promotion),
    /// Activate an approved request.
    #[command(after_help = "Example:\n  plimsoll promote 019a4c1e-…")]
    Promote(promotion::Promote),
    /// Fetch what is active in an environment and verify it.
    #[command(
        after_help = "Examples:\n  plimsoll pull credit-risk --env production -o ./model --author-key ines.pub.pem\n  plimsoll pull credit-risk --env production -o ./model --trust-root authority.pem --identity 'email:*@example.com'\n\nAfter an interruption the same command goes on where it was: what came so far lies in .model.plimsoll-pull beside ./model."
    )]
    Pull(pull::Pull),
    /// Say whether a version is what may run in an environment now; for pipelines. Nothing is pulled.
    #[command(
        after_help = "Exit codes: 0 it is, 5 it is not, 3 no such thing, 4 sign in first, 6 the proof does not verify, 8 unreachable.\n\nExamples:\n  plimsoll assert credit-risk@3 --env production\n  plimsoll assert credit-risk@sha256:… --env production --offline model/release.json --registry-key registry.pem"
    )]
    Assert(assert::Assert),
    /// Make an earlier release active again.
    #[command(
        after_help = "Examples:\n  plimsoll rollback credit-risk --env production --reason 'complaints since noon'\n  plimsoll rollback credit-risk --env production --rehearse"
    )]
    Rollback(release::Rollback),
    /// Take a release down and bring it back, let it do less by itself, review rollbacks.
    #[command(subcommand)]
    Release(running::Release),
    /// Show a model's versions, what is active where, and open requests.
    #[command(after_help = "Example:\n  plimsoll status credit-risk")]
    Status(release::Status),
    /// Describe environments.
    #[command(subcommand)]
    Env(env::Env),
    /// Check promotion policies, and see what they would do.
    #[command(subcommand)]
    Policy(policy::Policy),
    /// Look at regulations, and at what a version has of what they ask for.
    #[command(subcommand)]
    Framework(framework::Framework),
    /// Register evaluation data.
    #[command(subcommand)]
    Dataset(dataset::Dataset),
    /// Sign, report and look at evidence about a version.
    #[command(subcommand)]
    Evidence(evidence::Evidence),
    /// Manage the keys whose signatures count.
    #[command(subcommand)]
    Trust(trust::Trust),
    /// Let jobs of a CI service in with tokens of their own.
    #[command(subcommand)]
    Workload(workload::Workload),
    /// Add, renew and remove your second factor.
    #[command(subcommand)]
    Factor(factor::Factor),
    /// Manage API tokens.
    #[command(subcommand)]
    Token(account::Token),
    /// Manage accounts.
    #[command(subcommand)]
    User(account::User),
    /// Let somebody else decide in your stead for a time.
    #[command(subcommand)]
    Delegate(delegate::Delegate),
    /// Take a signed dossier about a version away, or verify one offline.
    #[command(
        args_conflicts_with_subcommands = true,
        subcommand_negates_reqs = true,
        after_help = "Example:\n  plimsoll dossier --profile sr-26-2 --model credit-risk --environment production -o credit-risk.zip"
    )]
    Dossier(dossier::Dossier),
    /// Read and verify the audit log.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Open, list and settle findings.
    #[command(subcommand)]
    Finding(finding::Finding),
    /// Ask for, grant and list exceptions to single limits.
    #[command(subcommand)]
    Waiver(waiver::Waiver),
    /// Say what really runs on this machine, and whether it is what is active.
    #[command(after_help = "Example:\n  plimsoll snapshot /srv/models/credit-risk --env production")]
    Snapshot(snapshot::Snapshot),
    /// Make a version active in an emergency, and review that afterwards.
    #[command(subcommand)]
    BreakGlass(break_glass::BreakGlass),
    /// Keep what somebody answers for: runbooks, SLAs, KPIs, assumptions and their like.
    #[command(subcommand)]
    Record(record::Record),
    /// Show what was in force on any date, from the service or offline from an export.
    Asof(super::asof::AsOf),
}

impl Remote {
    /// What whoever interrupts it is told: how to go on.
    pub fn interrupted(&self) -> Option<String> {
        match self {
            Self::Push(_) => Some(push::Push::interrupted()),
            Self::Pull(_) => Some(pull::Pull::interrupted()),
            _ => None,
        }
    }

    pub async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Login(args) => args.run().await,
            Self::Found(args) => args.run().await,
            Self::Join(args) => args.run().await,
            Self::Factor(args) => args.run().await,
            Self::Logout(args) => args.run().await,
            Self::Whoami(args) => args.run().await,
            Self::Init(args) => args.run(),
            Self::Sign(args) => args.run(),
            Self::Verify(args) => args.run(),
            Self::Push(args) => args.run().await,
            Self::Check(args) => args.run().await,
            Self::Inspect(args) => args.run(),
            Self::Run(args) => args.run().await,
            Self::Compare(args) => args.run().await,
            Self::Lineage(args) => args.run().await,
            Self::Bom(args) => args.run().await,
            Self::Quota(args) => args.run().await,
            Self::Bias(args) => args.run(),
            Self::Request(args) => args.run().await,
            Self::Approve(args) => args.run().await,
            Self::Reject(args) => args.run().await,
            Self::Unapprove(args) => args.run().await,
            Self::Promote(args) => args.run().await,
            Self::Pull(args) => args.run().await,
            Self::Assert(args) => args.run().await,
            Self::Release(args) => args.run().await,
            Self::Rollback(args) => args.run().await,
            Self::Status(args) => args.run().await,
            Self::Env(args) => args.run().await,
            Self::Policy(args) => args.run().await,
            Self::Framework(args) => args.run().await,
            Self::Dataset(args) => args.run().await,
            Self::Evidence(args) => args.run().await,
            Self::Trust(args) => args.run().await,
            Self::Workload(args) => args.run().await,
            Self::Token(args) => args.run().await,
            Self::User(args) => args.run().await,
            Self::Delegate(args) => args.run().await,
            Self::Promotion(args) => args.run().await,
            Self::Dossier(args) => args.run().await,
            Self::Audit(args) => args.run().await,
            Self::Asof(args) => args.run().await,
            Self::Record(args) => args.run().await,
            Self::Finding(args) => args.run().await,
            Self::Waiver(args) => args.run().await,
            Self::Snapshot(args) => args.run().await,
            Self::BreakGlass(args) => args.run().await,
        }
    }
}
