"""Users of an LDAP directory: Debian's slapd, MinIO's action and client, AWS's trust policies."""

import pytest
from directory import GROUPS, PEOPLE, SEARCHER, SEARCHER_PASSWORD, Authority, alice, group, user
from harness import ACCOUNT, Credentials, allow, free_port
from ldap_world import ACTION, HOST, NAMESPACE, PROVIDER, session
from minio.credentials.providers import LdapIdentityProvider

WRONG = ("AccessDenied", 403, "The username or the password is incorrect.")
DENIED = ("AccessDenied", 403, f"Not authorized to perform {ACTION}")
SILENT = ("IDPCommunicationError", 400, "An error occurred when communicating with the identity provider")
SLOW_DOWN = ("Throttling", 400, "Rate exceeded")


def test_a_user_gets_the_role_that_trusts_their_groups(ldap):
    # However they call themselves, it is the directory's name for them that counts.
    for name in ("alice", "ALICE", "alice@example.com"):
        assert ldap.arn(ldap.login(name, RoleArn=ldap.eng)) == session("eng")
    assert ldap.ask("bob", "bob-Secret", RoleArn=ldap.eng) == DENIED
    result = ldap.ask(RoleArn=ldap.eng, RoleSessionName="laptop", DurationSeconds="900")
    assert result.findtext(f"{{{NAMESPACE}}}SubjectFromWebIdentityToken") == "alice"
    assert result.findtext(f"{{{NAMESPACE}}}Provider") == PROVIDER
    assert result.findtext(f"{{{NAMESPACE}}}AssumedRoleUser/{{{NAMESPACE}}}Arn") == session("eng", "laptop")


def test_minios_client_logs_in_without_naming_a_role(ldap):
    ops = ldap.role("ops", ("StringEquals", {f"{HOST}:sub": "bob"}))
    ldap.set("--ldap-role", ldap.eng, "--ldap-role", ops)
    for name, role in (("alice", "eng"), ("bob", "ops")):
        provider = LdapIdentityProvider(ldap.locum.server.url, name, f"{name}-Secret")
        found = provider.retrieve()
        got = Credentials(found.access_key, found.secret_key, found.session_token)
        assert ldap.arn(got) == session(role, name)
    ldap.directory.add(user("carol", "carol-Secret"))
    assert ldap.ask("carol", "carol-Secret") == DENIED


def test_nobody_is_told_what_was_wrong(ldap):
    ldap.directory.add(user("bob2", "x", mail="bob@example.com"))
    for name, password in (
        ("alice", "wrong"),
        ("nobody", "alice-Secret"),
        ("*)(uid=*", "alice-Secret"),
        ("alice)(|(uid=*", "alice-Secret"),
        ("ali*", "alice-Secret"),
        ("*", "alice-Secret"),
        (" alice", "alice-Secret"),
        ("alice\0", "alice-Secret"),
        ("bob@example.com", "bob-Secret"),
        ("alice", "alice-Secret\0"),
    ):
        assert ldap.ask(name, password, RoleArn=ldap.eng) == WRONG, name
    said = [record["additionalEventData"]["explanation"][0] for record in ldap.records(10)]
    assert said[0] == "the directory refuses the password, or does not let this user bind"
    assert said[1] == "the directory has no user of that name under the user base and filter"
    assert said[8] == "the directory has several entries for that name: the user filter must find one"


def test_an_empty_password_is_no_password(ldap):
    # This directory would let anybody in with it.
    empty = ("ValidationError", 400, "LDAPUsername and LDAPPassword cannot be empty")
    assert ldap.ask("alice", "", RoleArn=ldap.eng) == empty
    assert ldap.ask("", "alice-Secret", RoleArn=ldap.eng) == empty
    tried = ldap.command(
        "test", "--provider", PROVIDER, "--ldap-username", "alice", "--ldap-password-file", "-", stdin="\n"
    )
    assert tried.returncode == 1 and "who asks is told: LDAPUsername and LDAPPassword cannot be empty" in tried.stdout


def test_a_dn_made_of_the_name_is_that_users(ldap):
    ldap.set("--ldap-user-template", f"uid={{username}},{PEOPLE}")
    assert ldap.arn(ldap.login(RoleArn=ldap.eng)) == session("eng")
    for name in ("bob,ou=people", "alice+cn=alice", f"alice,{PEOPLE}", "#616c696365", "alice\\", "nobody"):
        assert ldap.ask(name, RoleArn=ldap.eng) == WRONG, name


def test_attributes_become_session_tags_that_policies_see(ldap):
    s3 = ldap.locum.client("s3")
    for bucket in ("blue", "red"):
        s3.create_bucket(Bucket=bucket)
    own = allow("s3:ListBucket", "arn:aws:s3:::${aws:PrincipalTag/team}")
    in_eng = allow("s3:*", "*", Condition={"StringLike": {"aws:PrincipalTag/groups": "*:eng:*"}})
    in_ops = allow("s3:PutObject", "*", Condition={"StringLike": {"aws:PrincipalTag/groups": "*:ops:*"}})
    both = [ACTION, "sts:TagSession"]
    role = ldap.role("team", actions=both, policies=(own, in_ops))
    ldap.set("--ldap-tag", "team=departmentNumber", "--ldap-tag", "groups={groups}", "--ldap-transitive-tag", "team")
    mine = ldap.locum.client("s3", ldap.login(RoleArn=role))
    assert mine.list_objects_v2(Bucket="blue")["KeyCount"] == 0
    with pytest.raises(mine.exceptions.ClientError, match="AccessDenied"):
        mine.list_objects_v2(Bucket="red")
    with pytest.raises(mine.exceptions.ClientError, match="AccessDenied"):
        mine.put_object(Bucket="blue", Key="k", Body=b"")
    theirs = ldap.locum.client("s3", ldap.login("bob", "bob-Secret", RoleArn=role))
    theirs.put_object(Bucket="blue", Key="k", Body=b"")
    # Whom the trust policy does not let pass tags gets no session without them.
    untagged = ldap.role("untagged", policies=(in_eng,))
    denied = ("AccessDenied", 403, "Not authorized to perform sts:TagSession")
    assert ldap.ask(RoleArn=untagged) == denied


def test_claims_and_source_identity(ldap):
    ldap.set("--ldap-claim", "email=mail", "--ldap-source-identity", "uid")
    by_mail = ("StringEquals", {f"{HOST}:email": "alice@example.com", "sts:SourceIdentity": "alice"})
    role = ldap.role("mail", by_mail, actions=[ACTION, "sts:SetSourceIdentity"])
    assert ldap.ask(RoleArn=role).findtext(f"{{{NAMESPACE}}}SourceIdentity") == "alice"
    # One of several values is not all of them.
    every = ("ForAllValues:StringEquals", {f"{HOST}:email": "b@example.com"})
    assert ldap.ask("bob", "bob-Secret", RoleArn=ldap.role("every", every)) == DENIED


def test_who_is_in_no_required_group_does_not_log_in(ldap):
    ldap.role("all")
    role = f"arn:aws:iam::{ACCOUNT}:role/all"
    assert ldap.arn(ldap.login("bob", "bob-Secret", RoleArn=role)) == session("all", "bob")
    ldap.set("--ldap-require-group", "eng")
    assert ldap.ask("bob", "bob-Secret", RoleArn=role) == WRONG
    assert ldap.arn(ldap.login(RoleArn=role)) == session("all")


def test_tls_is_verified_before_anything_is_said(ldap, tmp_path):
    other = tmp_path / "other.pem"
    other.write_text(Authority("Another CA").pem)
    ldap.set(ca=str(other))
    assert ldap.ask(RoleArn=ldap.eng) == SILENT
    [explanation] = ldap.records(1)[0]["additionalEventData"]["explanation"]
    assert "invalid peer certificate: UnknownIssuer" in explanation, explanation
    ldap.set("--ldap-start-tls", url=ldap.directory.ldap)
    assert ldap.arn(ldap.login(RoleArn=ldap.eng)) == session("eng")
    ldap.set("--ldap-start-tls", url=ldap.directory.ldap, ca=str(other))
    assert ldap.ask(RoleArn=ldap.eng) == SILENT
    clear = ldap.command(
        "provider", "set", "--provider", PROVIDER, "--ldap-url", "ldap://ldap.example.com",
        "--ldap-user-template", f"uid={{username}},{PEOPLE}", "--ldap-plain",
    )  # fmt: skip
    assert clear.returncode == 1
    assert "passwords would travel to `ldap://ldap.example.com` in the clear: plain is for the loopback alone" in clear.stderr
    ldap.set("--ldap-plain", url=ldap.directory.ldap)
    assert ldap.arn(ldap.login(RoleArn=ldap.eng)) == session("eng")


def test_a_directory_that_is_away_is_said_to_be_and_its_second_server_is_asked(ldap):
    away = f"ldaps://localhost:{free_port()}"
    ldap.set("--ldap-url", away)
    assert ldap.arn(ldap.login(RoleArn=ldap.eng)) == session("eng")
    ldap.directory.stop()
    assert ldap.ask(RoleArn=ldap.eng) == SILENT
    # A wrong password is not counted where nobody could say so.
    for _ in range(12):
        assert ldap.ask(password="wrong", RoleArn=ldap.eng) == SILENT
    ldap.directory.start()
    assert ldap.arn(ldap.login(RoleArn=ldap.eng)) == session("eng")


def test_a_password_cannot_be_guessed_fast(ldap):
    answers = [ldap.ask(password=f"guess-{number}", RoleArn=ldap.eng) for number in range(12)]
    assert answers[:10] == [WRONG] * 10 and answers[-1] == SLOW_DOWN, answers
    # The right one is not tried either, and others are not held up.
    assert ldap.ask(RoleArn=ldap.eng) == SLOW_DOWN
    role = ldap.role("all")
    assert ldap.arn(ldap.login("bob", "bob-Secret", RoleArn=role)) == session("all", "bob")


def test_passwords_are_in_no_record_and_no_file(ldap):
    ldap.login(RoleArn=ldap.eng)
    ldap.ask(password="wrong-Secret", RoleArn=ldap.eng)
    [right, wrong] = ldap.records(2)
    assert right["requestParameters"]["lDAPPassword"] == "HIDDEN_DUE_TO_SECURITY_REASONS"
    assert right["userIdentity"] == {
        "type": "WebIdentityUser",
        "principalId": f"{PROVIDER}:alice",
        "userName": "alice",
        "identityProvider": PROVIDER,
    }
    assert wrong["errorCode"] == "AccessDenied" and wrong["requestParameters"]["lDAPUsername"] == "alice"
    secrets = ("alice-Secret", "wrong-Secret", SEARCHER_PASSWORD)
    folder = ldap.folder
    for path in [*(folder / "data").rglob("*"), *(folder / "server").rglob("*")]:
        if path.is_file():
            content = path.read_bytes()
            assert not [secret for secret in secrets if secret.encode() in content], path


def test_the_command_says_which_check_fails(ldap):
    def tried(name, password, *arguments):
        flags = ["test", "--provider", PROVIDER, "--ldap-username", name, "--ldap-password-file", "-"]
        ran = ldap.command(*flags, *arguments, stdin=password + "\n")
        return ran.returncode, ran.stdout.splitlines()

    role = ["--role", ldap.eng]
    assert tried("alice", "alice-Secret", *role) == (
        0, [f"{PROVIDER} knows them as alice", "the role would be had"],
    )  # fmt: skip
    code, lines = tried("bob", "bob-Secret", *role)
    assert code == 1
    assert f"ForAnyValue:StringEquals on {HOST}:groups wants `eng`, and saw `ops`" in lines[1]
    assert lines[-1] == f"who asks is told: Not authorized to perform {ACTION}"
    assert tried("alice", "wrong", *role) == (
        1,
        [
            "the directory refuses the password, or does not let this user bind",
            "who asks is told: The username or the password is incorrect.",
        ],
    )
    assert tried("alice", "alice-Secret")[1][1] == "no role was asked for, and the provider's settings name none"
    ldap.directory.replace(SEARCHER, "userPassword", "changed")
    assert tried("alice", "alice-Secret", *role)[1][0] == "the directory refuses the bind DN or its password"


def test_groups_of_one_name_elsewhere_are_others(ldap):
    ldap.directory.add(f"dn: ou=mine,{GROUPS}\nobjectClass: organizationalUnit\nou: mine\n\n")
    ldap.directory.add(group("eng", alice("bob"), under=f"ou=mine,{GROUPS}"))
    assert ldap.ask("bob", "bob-Secret", RoleArn=ldap.eng) == DENIED


def test_a_role_of_another_account_is_not_to_be_had(ldap):
    other, administrator = ldap.locum.account("other")
    trust = {"Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Action": ACTION}
    role = ldap.locum.role("theirs", trust, credentials=administrator)
    assert ldap.ask(RoleArn=role, ProviderArn=PROVIDER) == DENIED
    none = ("InvalidIdentityToken", 400, "No LDAP provider found in your account")
    assert ldap.ask(RoleArn=role) == none
    assert ldap.ask(ProviderArn=f"arn:aws:iam::{other}:oidc-provider/{HOST}", RoleArn=ldap.eng) == none
