//! What a service of continuous integration says of its job.

use super::git::without_user;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Job {
    /// For people.
    pub service: &'static str,
    /// Who built it: for SLSA's `builder.id`.
    pub builder: String,
    /// Names the one job.
    pub invocation: Option<String>,
    pub repository: Option<String>,
    pub reference: Option<String>,
    pub commit: Option<String>,
}

/// `None` where no service that is known here runs the job.
pub fn read(variables: &BTreeMap<&'static str, String>) -> Option<Job> {
    let get = |name: &str| variables.get(name).cloned();
    let address =
        |name: &str| get(name).and_then(|url| without_user(&url)).map(|url| url.trim_end_matches('/').to_owned());
    let is = |name: &str| variables.contains_key(name);
    let job = if is("GITHUB_ACTIONS") {
        let server = address("GITHUB_SERVER_URL")?;
        let repository = get("GITHUB_REPOSITORY").map(|name| format!("{server}/{name}"));
        let attempt = get("GITHUB_RUN_ATTEMPT").unwrap_or_else(|| "1".to_owned());
        let run = get("GITHUB_RUN_ID").zip(repository.clone());
        Job {
            service: "GitHub Actions",
            builder: format!(
                "{server}/actions/runner/{}",
                get("RUNNER_ENVIRONMENT").unwrap_or_else(|| "unknown".to_owned())
            ),
            invocation: run.map(|(run, repository)| format!("{repository}/actions/runs/{run}/attempts/{attempt}")),
            repository,
            reference: get("GITHUB_REF"),
            commit: get("GITHUB_SHA"),
        }
    } else if is("GITLAB_CI") {
        let project = address("CI_PROJECT_URL")?;
        Job {
            service: "GitLab CI",
            builder: format!("{project}/-/runners/{}", get("CI_RUNNER_ID").unwrap_or_else(|| "unknown".to_owned())),
            invocation: address("CI_JOB_URL"),
            repository: Some(project),
            reference: get("CI_COMMIT_REF_NAME"),
            commit: get("CI_COMMIT_SHA"),
        }
    } else if is("JENKINS_URL") {
        Job {
            service: "Jenkins",
            builder: address("JENKINS_URL")?,
            invocation: address("BUILD_URL"),
            repository: address("GIT_URL"),
            reference: get("GIT_BRANCH"),
            commit: get("GIT_COMMIT"),
        }
    } else if is("BUILDKITE") {
        let build = address("BUILDKITE_BUILD_URL");
        Job {
            service: "Buildkite",
            builder: "https://buildkite.com/".to_owned(),
            invocation: build.map(|build| match get("BUILDKITE_JOB_ID") {
                Some(job) => format!("{build}#{job}"),
                None => build,
            }),
            repository: address("BUILDKITE_REPO"),
            reference: get("BUILDKITE_BRANCH"),
            commit: get("BUILDKITE_COMMIT"),
        }
    } else if is("CIRCLECI") {
        Job {
            service: "CircleCI",
            builder: "https://circleci.com/".to_owned(),
            invocation: address("CIRCLE_BUILD_URL"),
            repository: address("CIRCLE_REPOSITORY_URL"),
            reference: get("CIRCLE_BRANCH"),
            commit: get("CIRCLE_SHA1"),
        }
    } else if is("TF_BUILD") {
        let project = address("SYSTEM_COLLECTIONURI").zip(get("SYSTEM_TEAMPROJECT"));
        let project = project.map(|(collection, project)| format!("{collection}/{}", project.replace(' ', "%20")))?;
        Job {
            service: "Azure Pipelines",
            invocation: get("BUILD_BUILDID").map(|id| format!("{project}/_build/results?buildId={id}")),
            builder: project,
            repository: address("BUILD_REPOSITORY_URI"),
            reference: get("BUILD_SOURCEBRANCH"),
            commit: get("BUILD_SOURCEVERSION"),
        }
    } else if is("BITBUCKET_BUILD_NUMBER") {
        let origin = address("BITBUCKET_GIT_HTTP_ORIGIN")?;
        Job {
            service: "Bitbucket Pipelines",
            builder: "https://bitbucket.org/product/features/pipelines".to_owned(),
            invocation: get("BITBUCKET_BUILD_NUMBER").map(|number| format!("{origin}/pipelines/results/{number}")),
            repository: Some(origin),
            reference: get("BITBUCKET_BRANCH"),
            commit: get("BITBUCKET_COMMIT"),
        }
    } else {
        return None;
    };
    Some(job)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(variables: &[(&'static str, &str)]) -> Option<Job> {
        read(&variables.iter().map(|(name, value)| (*name, (*value).to_owned())).collect())
    }

    #[test]
    fn a_job_names_who_ran_it_and_which_one_it_was() {
        let github = job(&[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REPOSITORY", "acme/fraud"),
            ("GITHUB_RUN_ID", "4711"),
            ("GITHUB_SHA", "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d"),
            ("RUNNER_ENVIRONMENT", "github-hosted"),
        ])
        .expect("a job");
        assert_eq!(github.builder, "https://github.com/actions/runner/github-hosted");
        let run = "https://github.com/acme/fraud/actions/runs/4711/attempts/1";
        assert_eq!(github.invocation.as_deref(), Some(run));
        let gitlab = job(&[
            ("GITLAB_CI", "true"),
            ("CI_PROJECT_URL", "https://gitlab.example/ml/fraud"),
            ("CI_JOB_URL", "https://gitlab.example/ml/fraud/-/jobs/9"),
        ])
        .expect("a job");
        assert_eq!(gitlab.builder, "https://gitlab.example/ml/fraud/-/runners/unknown");
        let jenkins = job(&[
            ("JENKINS_URL", "https://ci.example/"),
            ("BUILD_URL", "https://ci.example/job/fraud/7/"),
            ("GIT_URL", "https://bot:hunter2@git.example/ml/fraud"),
        ])
        .expect("a job");
        assert_eq!(jenkins.repository.as_deref(), Some("https://git.example/ml/fraud"));
        assert_eq!(job(&[]), None);
        assert_eq!(job(&[("GITLAB_CI", "true")]), None, "it says too little");
    }
}
