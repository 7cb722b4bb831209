//! What a continuous-integration service says of the job that it runs, by variables of these names and no others: whatever
//! else is in the environment may be a secret.

use std::collections::BTreeMap;

/// The first of each group says that the job runs there.
const KNOWN: &[&[&str]] = &[
    &[
        "GITHUB_ACTIONS",
        "GITHUB_SERVER_URL",
        "GITHUB_REPOSITORY",
        "GITHUB_REF",
        "GITHUB_SHA",
        "GITHUB_RUN_ID",
        "GITHUB_RUN_ATTEMPT",
        "GITHUB_WORKFLOW_REF",
        "RUNNER_ENVIRONMENT",
    ],
    &["GITLAB_CI", "CI_PROJECT_URL", "CI_COMMIT_SHA", "CI_COMMIT_REF_NAME", "CI_JOB_URL", "CI_RUNNER_ID"],
    &["JENKINS_URL", "BUILD_URL", "GIT_COMMIT", "GIT_BRANCH", "GIT_URL"],
    &["BUILDKITE", "BUILDKITE_BUILD_URL", "BUILDKITE_JOB_ID", "BUILDKITE_COMMIT", "BUILDKITE_BRANCH", "BUILDKITE_REPO"],
    &["CIRCLECI", "CIRCLE_BUILD_URL", "CIRCLE_SHA1", "CIRCLE_BRANCH", "CIRCLE_REPOSITORY_URL"],
    &[
        "TF_BUILD",
        "SYSTEM_COLLECTIONURI",
        "SYSTEM_TEAMPROJECT",
        "BUILD_BUILDID",
        "BUILD_SOURCEVERSION",
        "BUILD_SOURCEBRANCH",
        "BUILD_REPOSITORY_URI",
    ],
    &["BITBUCKET_BUILD_NUMBER", "BITBUCKET_GIT_HTTP_ORIGIN", "BITBUCKET_COMMIT", "BITBUCKET_BRANCH"],
];

/// The variables of the service that runs this process; empty where none does.
#[expect(clippy::disallowed_methods, reason = "these names and no others are read")]
pub fn variables() -> BTreeMap<&'static str, String> {
    let value = |name: &&'static str| Some((*name, std::env::var(name).ok().filter(|value| !value.is_empty())?));
    let runs_here = |names: &&&[&'static str]| names.first().is_some_and(|first| value(first).is_some());
    KNOWN.iter().find(runs_here).into_iter().flat_map(|names| names.iter()).filter_map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_that_is_read_is_that_of_a_secret() {
        for name in KNOWN.iter().flat_map(|names| names.iter()) {
            let secret = ["TOKEN", "SECRET", "PASSWORD", "KEY", "CREDENTIAL", "AUTH"];
            assert!(!secret.iter().any(|word| name.contains(word)), "{name}");
        }
    }
}
