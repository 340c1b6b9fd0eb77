use std::net::Ipv4Addr;

use hickory_resolver::proto::rr::rdata::{A, CNAME};
use proptest::prelude::*;

use super::*;

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn question() -> Question {
    Question::new("www.example.test", Kind::A).unwrap()
}

/// An answer to a question, changed as a test wants it.
fn answered(question: &Question, change: impl FnOnce(&mut Message)) -> Reading {
    let mut message = Message::from_vec(&question.to_bytes(true).unwrap()).unwrap();
    message.metadata.message_type = MessageType::Response;
    change(&mut message);
    question.read(&message.to_vec().unwrap())
}

fn reply(reading: Reading) -> Reply {
    match reading {
        Reading::Answer(reply) => reply,
        other => panic!("{other:?}"),
    }
}

fn alias(owner: &str, target: &str) -> Record {
    Record::from_rdata(name(owner), 60, RData::CNAME(CNAME(name(target))))
}

fn host(owner: &str, last: u8) -> Record {
    Record::from_rdata(name(owner), 60, RData::A(A(Ipv4Addr::new(192, 0, 2, last))))
}

#[test]
fn an_answer_is_read_through_its_aliases_and_nothing_else_in_it_is_believed() {
    let said = reply(answered(&question(), |message| {
        message.add_answer(host("other.example.test.", 9));
        message.add_answer(host("web.example.test.", 7));
        message.add_answer(alias("WWW.example.test.", "web.example.test."));
    }));
    assert_eq!(said.outcome, Outcome::Ok);
    assert_eq!(said.answers, ["CNAME web.example.test.", "A 192.0.2.7"]);
}

#[test]
fn a_chain_of_aliases_that_returns_to_itself_is_a_loop() {
    let said = reply(answered(&question(), |message| {
        message.add_answer(alias("www.example.test.", "a.test."));
        message.add_answer(alias("a.test.", "WWW.example.test."));
    }));
    assert_eq!(said.outcome, Outcome::AliasLoop);
}

#[test]
fn a_chain_of_sixteen_aliases_is_followed_and_a_longer_one_is_not() {
    for (links, outcome) in [(16, Outcome::Ok), (17, Outcome::AliasLoop)] {
        let said = reply(answered(&question(), |message| {
            message.add_answer(alias("www.example.test.", "n1.test."));
            for link in 1..links {
                let next = link + 1;
                message.add_answer(alias(&format!("n{link}.test."), &format!("n{next}.test.")));
            }
            message.add_answer(host(&format!("n{links}.test."), 1));
        }));
        assert_eq!(said.outcome, outcome, "{links}");
    }
}

#[test]
fn an_alias_to_nothing_is_no_data() {
    let said = reply(answered(&question(), |message| {
        message.add_answer(alias("www.example.test.", "gone.test."));
    }));
    assert_eq!(said.outcome, Outcome::NoData);
    assert_eq!(said.answers, ["CNAME gone.test."]);
}

#[test]
fn response_codes_are_told_apart() {
    for (code, outcome) in [
        (ResponseCode::NXDomain, Outcome::Nxdomain),
        (ResponseCode::ServFail, Outcome::Servfail),
        (ResponseCode::Refused, Outcome::DnsRefused),
        (ResponseCode::NotImp, Outcome::DnsOther),
        (ResponseCode::NoError, Outcome::NoData),
    ] {
        let said = reply(answered(&question(), |message| {
            message.metadata.response_code = code;
        }));
        assert_eq!(said.outcome, outcome);
    }
}

#[test]
fn an_answer_that_was_cut_short_is_no_proof_that_there_is_no_record() {
    let said = reply(answered(&question(), |message| {
        message.metadata.truncation = true;
    }));
    assert!(said.truncated && said.outcome == Outcome::Ok);
}

#[test]
fn another_number_and_another_question_are_ignored() {
    let asked = question();
    let mut other = asked.clone();
    other.id = asked.id.wrapping_add(1);
    assert_eq!(
        asked.read(&other.to_bytes(false).unwrap()),
        Reading::NotOurs
    );
    assert_eq!(
        answered(&asked, |message| {
            message.queries = vec![Query::query(name("evil.test."), RecordType::A)];
        }),
        Reading::NotOurs
    );
    // A question is no answer.
    assert_eq!(asked.read(&asked.to_bytes(true).unwrap()), Reading::NotOurs);
}

#[test]
fn an_extended_error_is_quoted_and_made_safe() {
    let said = reply(answered(&question(), |message| {
        message.metadata.response_code = ResponseCode::ServFail;
        let mut edns = Edns::new();
        let data = [&[0, 6][..], b"bad\x1b[31m signature"].concat();
        edns.options_mut().insert(EdnsOption::Unknown(15, data));
        message.set_edns(edns);
    }));
    assert_eq!(
        said.extended_errors,
        ["extended error 6 (DNSSEC Bogus): bad\\u{1b}[31m signature"]
    );
}

#[test]
fn a_name_that_dns_can_not_carry_is_no_question() {
    assert!(Question::new(&"a".repeat(64), Kind::A).is_none());
    assert!(Question::new(&"abc.".repeat(70), Kind::A).is_none());
    assert!(Question::new("_sip._tcp.example", Kind::Aaaa).is_some());
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = question().read(&bytes);
    }

    #[test]
    fn no_bytes_behind_the_right_number_make_it_panic(tail in prop::collection::vec(any::<u8>(), 0..600)) {
        let asked = question();
        let bytes = [&asked.id.to_be_bytes()[..], &[0x81, 0x80, 0, 1], &tail].concat();
        let _ = asked.read(&bytes);
    }

    #[test]
    fn a_flipped_byte_in_a_good_answer_makes_no_panic(at in 0usize..200, value: u8) {
        let asked = question();
        let mut message = Message::from_vec(&asked.to_bytes(true).unwrap()).unwrap();
        message.metadata.message_type = MessageType::Response;
        message.add_answer(alias("www.example.test.", "web.example.test."));
        message.add_answer(host("web.example.test.", 7));
        let mut bytes = message.to_vec().unwrap();
        let length = bytes.len();
        bytes[at % length] = value;
        let _ = asked.read(&bytes);
    }
}
