use super::*;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

#[tokio::test]
async fn a_program_that_is_not_there_is_missing() {
    let error = run("nwcheck-of-no-system", &[], soon()).await.unwrap_err();
    assert!(matches!(error, CommandError::Missing(_)), "{error}");
}

#[tokio::test]
async fn output_complaints_and_status_are_told_apart() {
    let output = run("sh", &["-c", "echo said; echo wrong >&2; exit 3"], soon())
        .await
        .unwrap();
    assert_eq!(output.text, b"said\n");
    assert_eq!(output.complaint, "wrong\n");
    assert_eq!(output.ending(), "exit status 3");
}

#[tokio::test]
async fn arguments_arrive_as_they_are() {
    let words = ["-n", "%s\\n", "$(id)", "a b", "*", "; echo x"];
    let output = run(
        "printf",
        &["%s\\n", words[2], words[3], words[4], words[5]],
        soon(),
    )
    .await;
    assert_eq!(output.unwrap().text, b"$(id)\na b\n*\n; echo x\n");
}

#[tokio::test]
async fn what_writes_without_end_is_stopped() {
    let error = run("cat", &["/dev/zero"], soon()).await.unwrap_err();
    assert!(matches!(error, CommandError::TooMuch(_)), "{error}");
}

#[tokio::test]
async fn complaints_without_end_are_cut_and_do_not_block_it() {
    let output = run(
        "sh",
        &["-c", "head -c 1000000 /dev/zero >&2; echo done"],
        soon(),
    )
    .await
    .unwrap();
    assert_eq!(output.text, b"done\n");
    assert_eq!(output.complaint.len(), LONGEST_COMPLAINT);
}

/// Whether a process of this number is there and is no zombie.
fn runs(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat
        .rsplit_once(')')
        .map(|(_, rest)| rest.trim_start().to_owned());
    state.is_some_and(|state| !state.starts_with('Z'))
}

async fn is_gone(pid: &str) -> bool {
    for _ in 0..400 {
        if !runs(pid) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

#[tokio::test]
async fn what_it_started_goes_with_it_and_is_not_waited_for() {
    let began = Instant::now();
    let output = run("sh", &["-c", "sleep 60 & echo $!"], soon())
        .await
        .unwrap();
    assert!(began.elapsed() < Duration::from_secs(15));
    let pid = String::from_utf8(output.text).unwrap();
    assert!(is_gone(pid.trim()).await, "{pid} still runs");
}

#[tokio::test]
async fn what_takes_too_long_is_killed_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pids");
    let script = format!("sleep 60 & echo $$ $! > {}; wait", file.display());
    let until = Instant::now() + Duration::from_millis(800);
    let error = run("sh", &["-c", &script], until).await.unwrap_err();
    assert!(matches!(error, CommandError::TooSlow(..)), "{error}");
    let pids = fs::read_to_string(&file).unwrap();
    assert_eq!(pids.split_whitespace().count(), 2, "{pids}");
    for pid in pids.split_whitespace() {
        assert!(is_gone(pid).await, "{pid} still runs");
    }
}

#[tokio::test]
async fn it_sees_no_descriptor_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let name = "nwcheck-descriptor-of-ours";
    let _open = fs::File::create(folder.path().join(name)).unwrap();
    let output = run("ls", &["-l", "/proc/self/fd"], soon()).await.unwrap();
    let text = String::from_utf8(output.text).unwrap();
    assert!(!text.is_empty() && !text.contains(name), "{text}");
}

#[test]
fn of_the_environment_only_what_these_programs_need_is_handed_on() {
    let of = |name: &str, value: &str| (OsString::from(name), OsString::from(value));
    let all = || {
        [
            of("PATH", "/home/me/bin:/usr/bin"),
            of("LD_PRELOAD", "/tmp/x.so"),
            of("PYTHONPATH", "/tmp"),
            of("HOME", "/home/me"),
            of("AWS_PROFILE", "lab"),
            of("AWS_PAGER", "less"),
            of("LC_ALL", "de_DE.UTF-8"),
        ]
        .into_iter()
    };
    let ordinary = environment(all(), false);
    let get = |kept: &[(OsString, OsString)], name: &str| {
        let mut found = kept.iter().filter(|(known, _)| known == name);
        let value = found
            .next()
            .map(|(_, value)| value.to_str().unwrap().to_owned());
        assert!(found.next().is_none(), "{name} stands there twice");
        value
    };
    let value = |text: &str| Some(text.to_owned());
    assert_eq!(get(&ordinary, "PATH"), value("/home/me/bin:/usr/bin"));
    assert_eq!(get(&ordinary, "AWS_PROFILE"), value("lab"));
    assert_eq!(get(&ordinary, "AWS_PAGER"), value(""));
    assert_eq!(get(&ordinary, "LC_ALL"), value("C"));
    assert_eq!(get(&ordinary, "LD_PRELOAD"), None);
    assert_eq!(get(&ordinary, "PYTHONPATH"), None);
    let roots = environment(all(), true);
    assert!(get(&roots, "PATH").unwrap().starts_with("/usr/local/sbin:"));
}

#[test]
fn only_folders_that_begin_at_the_root_are_looked_into() {
    let path = OsString::from("bin:/opt/a::.:/opt/b");
    let found = candidates("az", Some(&path));
    assert_eq!(
        found,
        [PathBuf::from("/opt/a/az"), PathBuf::from("/opt/b/az")]
    );
    assert!(candidates("az", None).contains(&PathBuf::from("/usr/bin/az")));
}

#[test]
fn a_file_that_others_may_change_is_not_roots_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("az");
    fs::write(&file, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(is_executable(&file));
    // The folder for temporary files is anybody's.
    assert!(!is_roots_alone(&file));
    let link = folder.path().join("sh");
    std::os::unix::fs::symlink("/bin/sh", &link).unwrap();
    assert!(!is_roots_alone(&link), "the link itself may be changed");
}

#[test]
fn the_careful_run_what_is_the_systems_and_say_so_of_what_is_not() {
    use std::os::unix::fs::OpenOptionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("nwcheck-of-a-user");
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o755)
        .open(&own)
        .unwrap();
    let path = folder.path().as_os_str();
    let name = "nwcheck-of-a-user";
    assert_eq!(chosen(name, Some(path), false).unwrap(), own);
    let error = chosen(name, Some(path), true).unwrap_err();
    assert!(
        matches!(&error, CommandError::Elsewhere(at) if *at == own),
        "{error}"
    );
    for careful in [false, true] {
        let error = chosen("nwcheck-of-nobody", Some(path), careful).unwrap_err();
        assert!(matches!(error, CommandError::Missing(_)), "{error}");
    }
}
