//! Attacks on tokens, by hand-made ones: everything here is signed with ring, not with the code under test.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use ring::hmac;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

const SECRET: &str = "qO3vT1mZ8xW5yB7nC2kD9fG4hJ6lP0rS";
const NOW: i64 = 1_800_000_000;

#[derive(Debug)]
struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(NOW, 0).unwrap()
    }

    fn fresh_id(&self) -> Uuid {
        Uuid::nil()
    }

    fn chance(&self) -> f64 {
        0.5
    }
}

fn options() -> Options {
    Options { jwt_secret: SECRET.to_owned(), issuer: Some("https://host.example".to_owned()), audience: Some("connectors".to_owned()) }
}

fn verifier() -> Verifier {
    Verifier::new(&options(), Arc::new(Fixed)).unwrap()
}

fn good() -> Value {
    json!({"sub": "ann", "exp": NOW + 3600, "iss": "https://host.example", "aud": "connectors"})
}

/// The good claims with some replaced; null takes one away.
fn with(changes: &Value) -> Value {
    let mut claims = good();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

fn sign_text(header: &str, claims: &str, algorithm: hmac::Algorithm, secret: &[u8]) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let tag = hmac::sign(&hmac::Key::new(algorithm, secret), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
}

fn signed(claims: &Value) -> String {
    sign_text(r#"{"alg":"HS256","typ":"JWT"}"#, &claims.to_string(), hmac::HMAC_SHA256, SECRET.as_bytes())
}

fn check(changes: &Value, expected: Result<(), Error>) {
    let outcome = verifier().verify(&signed(&with(changes))).map(|_| ());
    assert_eq!(outcome, expected, "{changes}");
}

const MALFORMED: Result<(), Error> = Err(Error::Malformed);

#[test]
fn a_good_token_names_its_subject() {
    let claims = with(&json!({"email": "ann@host.example", "role": "authenticated"}));
    let principal = verifier().verify(&signed(&claims)).unwrap();
    assert_eq!((principal.subject(), principal.email(), principal.is_service()), ("ann", Some("ann@host.example"), false));
    assert_eq!(principal.expires_at().timestamp(), NOW + 3600);
    let service = verifier().verify(&signed(&with(&json!({"role": "service_role"})))).unwrap();
    assert!(service.is_service());
    assert_eq!(service.actor().stored(), "service:ann");
}

#[test]
fn what_is_minted_is_accepted() {
    let hour = Duration::from_hours(1);
    let grant = Grant { subject: "crm".to_owned(), email: None, service: true, lifetime: hour };
    let principal = verifier().verify(&verifier().mint(&grant).unwrap()).unwrap();
    assert!(principal.is_service());
    assert_eq!(principal.expires_at().timestamp(), NOW + 3600);
    let longest = Duration::from_hours(400 * 24);
    assert!(verifier().verify(&verifier().mint(&Grant { lifetime: longest, ..grant.clone() }).unwrap()).is_ok());
    for refused in [
        Grant { lifetime: longest + Duration::from_secs(1), ..grant.clone() },
        Grant { lifetime: Duration::MAX, ..grant.clone() },
        Grant { subject: String::new(), ..grant.clone() },
        Grant { subject: "a\nb".to_owned(), ..grant },
    ] {
        assert_eq!(verifier().mint(&refused), Err(Error::Malformed), "{refused:?}");
    }
}

#[test]
fn jwt_1_unsigned_tokens_are_refused() {
    let token = signed(&good());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let claims = URL_SAFE_NO_PAD.encode(good().to_string());
    for alg in ["none", "None", "NONE", "nOnE", "", "hs256"] {
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": alg, "typ": "JWT"}).to_string());
        for tag in ["", signature] {
            assert_eq!(verifier().verify(&format!("{header}.{claims}.{tag}")).map(|_| ()), MALFORMED, "{alg}");
        }
    }
    for token in [message.to_owned(), format!("{message}."), format!("{message}.{}", &signature[1..]), format!(".{message}.")] {
        assert_eq!(verifier().verify(&token).map(|_| ()), MALFORMED, "{token}");
    }
    assert_eq!(verifier().verify("").map(|_| ()), Err(Error::Missing));
}

#[test]
fn jwt_2_one_key_one_algorithm() {
    let text = good().to_string();
    for (header, algorithm) in [
        (r#"{"alg":"HS512"}"#, hmac::HMAC_SHA512),
        (r#"{"alg":"HS384"}"#, hmac::HMAC_SHA384),
        (r#"{"alg":"RS256"}"#, hmac::HMAC_SHA256),
        (r#"{"alg":"ES256"}"#, hmac::HMAC_SHA256),
        (r#"{"alg":"HS256","alg":"none"}"#, hmac::HMAC_SHA256),
        (r#"{"alg":"HS256","crit":["exp"]}"#, hmac::HMAC_SHA256),
        (r#"{"alg":"HS256","typ":"secevent+jwt"}"#, hmac::HMAC_SHA256),
        (r#"{"typ":"JWT"}"#, hmac::HMAC_SHA256),
    ] {
        let token = sign_text(header, &text, algorithm, SECRET.as_bytes());
        assert_eq!(verifier().verify(&token).map(|_| ()), MALFORMED, "{header}");
    }
    let other_key = sign_text(r#"{"alg":"HS256"}"#, &text, hmac::HMAC_SHA256, b"another secret of thirty-two bytes!");
    assert_eq!(verifier().verify(&other_key).map(|_| ()), MALFORMED);
    let own_key = json!({"alg": "HS256", "jwk": {"kty": "oct", "k": URL_SAFE_NO_PAD.encode("attacker")}}).to_string();
    let token = sign_text(&own_key, &text, hmac::HMAC_SHA256, b"attacker");
    assert_eq!(verifier().verify(&token).map(|_| ()), MALFORMED, "a key in the header is not used");
}

#[test]
fn jwt_3_the_end_is_required_and_sensible() {
    check(&json!({"exp": NOW + 1}), Ok(()));
    check(&json!({"exp": 1_800_000_001.5}), Ok(()));
    check(&json!({"exp": NOW - 59}), Ok(()));
    check(&json!({"exp": NOW - 60}), Err(Error::Expired));
    check(&json!({"exp": NOW - 61}), Err(Error::Expired));
    check(&json!({"exp": 0}), Err(Error::Expired));
    for exp in [
        json!(null),
        json!("1800003600"),
        json!(true),
        json!([NOW + 3600]),
        json!({}),
        json!(-1),
        json!(-1e300),
        json!(1e300),
        json!(u64::MAX),
        json!(253_402_300_799_i64),
        json!(253_402_300_800_i64),
        json!(NOW + 401 * 86_400),
    ] {
        check(&json!({"exp": exp}), MALFORMED);
    }
    check(&json!({"exp": NOW + 200 * 86_400, "iat": NOW - 201 * 86_400}), MALFORMED);
    check(&json!({"exp": NOW + 400 * 86_400, "iat": NOW}), Ok(()));
    let nan = good().to_string().replace(&(NOW + 3600).to_string(), "NaN");
    assert_eq!(verifier().verify(&sign_text(r#"{"alg":"HS256"}"#, &nan, hmac::HMAC_SHA256, SECRET.as_bytes())).map(|_| ()), MALFORMED);
    let huge = good().to_string().replace(&(NOW + 3600).to_string(), "1e400");
    assert_eq!(verifier().verify(&sign_text(r#"{"alg":"HS256"}"#, &huge, hmac::HMAC_SHA256, SECRET.as_bytes())).map(|_| ()), MALFORMED);
}

#[test]
fn jwt_4_not_before_its_beginning() {
    for name in ["nbf", "iat"] {
        check(&json!({name: NOW + 60}), Ok(()));
        check(&json!({name: NOW + 61}), MALFORMED);
        check(&json!({name: "soon"}), MALFORMED);
        check(&json!({name: -1}), MALFORMED);
    }
}

#[test]
fn jwt_5_issuer_and_audience_to_the_letter() {
    check(&json!({"aud": ["connectors"]}), Ok(()));
    for aud in [json!(null), json!("Connectors"), json!("other"), json!([]), json!(["connectors", "other"]), json!(7), json!("connectors ")]
    {
        check(&json!({"aud": aud}), MALFORMED);
    }
    for iss in [json!(null), json!("https://host.example/"), json!("HTTPS://host.example"), json!(["https://host.example"]), json!("")] {
        check(&json!({"iss": iss}), MALFORMED);
    }
    let free = Options { issuer: None, audience: None, ..options() };
    let free = Verifier::new(&free, Arc::new(Fixed)).unwrap();
    assert!(free.verify(&signed(&with(&json!({"iss": null, "aud": ["a", "b"]})))).is_ok(), "unchecked when not configured");
}

#[test]
fn jwt_6_a_principal_tells_when_its_token_ends() {
    let principal = verifier().verify(&signed(&with(&json!({"exp": NOW - 30})))).unwrap();
    assert_eq!(principal.expires_at() + LEEWAY, Fixed.now() + TimeDelta::seconds(30));
}

#[test]
fn jwt_7_claims_give_no_rights() {
    let claims = with(&json!({"role": "owner", "workspace_role": "OWNER", "admin": true, "is_admin": true}));
    assert!(!verifier().verify(&signed(&claims)).unwrap().is_service());
    for role in ["SERVICE_ROLE", "service_role ", "service"] {
        assert!(!verifier().verify(&signed(&with(&json!({"role": role})))).unwrap().is_service(), "{role}");
    }
}

#[test]
fn jwt_8_odd_encodings_and_sizes_are_refused() {
    let token = signed(&good());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let tag = URL_SAFE_NO_PAD.decode(signature).unwrap();
    for odd in [
        format!("{message}.{}", URL_SAFE.encode(&tag)),
        format!("{token}="),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{token}.{signature}"),
        token.replacen('.', "=.", 1),
        "a".repeat(1 << 20),
        format!("{}.{}.x", "a".repeat(4000), "b".repeat(4000)),
        "..".to_owned(),
        "é.é.é".to_owned(),
    ] {
        assert_eq!(verifier().verify(&odd).map(|_| ()), MALFORMED, "{}", odd.chars().take(80).collect::<String>());
    }
    let standard = STANDARD.encode(&tag);
    if standard.trim_end_matches('=') != signature {
        assert_eq!(verifier().verify(&format!("{message}.{standard}")).map(|_| ()), MALFORMED);
    }
    for text in [
        good().to_string().replacen('{', r#"{"sub":"bob","#, 1),
        good().to_string().replacen('{', r#"{"exp":1,"#, 1),
        good().to_string() + "{}",
        "[]".to_owned(),
        "[".repeat(3000),
    ] {
        let token = sign_text(r#"{"alg":"HS256"}"#, &text, hmac::HMAC_SHA256, SECRET.as_bytes());
        assert_eq!(verifier().verify(&token).map(|_| ()), MALFORMED, "{text:.80}");
    }
    check(&json!({"padding": "x".repeat(9000)}), MALFORMED);
}

#[test]
fn the_subject_is_a_plain_name() {
    check(&json!({"sub": "é".repeat(255)}), Ok(()));
    for sub in
        [json!(null), json!(""), json!("a".repeat(256)), json!("a\u{0}b"), json!("a\r\nb"), json!("\u{85}"), json!(7), json!(["ann"])]
    {
        check(&json!({"sub": sub}), MALFORMED);
    }
    let principal = verifier().verify(&signed(&with(&json!({"email": "a\nb@host.example"})))).unwrap();
    assert_eq!(principal.email(), None, "an unusable address is left out");
}

#[test]
fn weak_secrets_stop_the_start() {
    for secret in [
        "",
        "short",
        "qO3vT1mZ8xW5yB7nC2kD9fG4hJ6lP0r",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "abcabcabcabcabcabcabcabcabcabcabcabc",
        "0123456789abcdef0123456789abcdef",
        "your-256-bit-secret-your-256-bit-key",
        "please-change-me-please-it-is-not-safe",
        "Example-key-0123456789-ABCDEFGHIJKLM",
    ] {
        let options = Options { jwt_secret: secret.to_owned(), ..options() };
        assert_eq!(Verifier::new(&options, Arc::new(Fixed)).map(|_| ()), Err(Error::WeakSecret), "{secret}");
    }
    assert!(!format!("{:?}", verifier()).contains(SECRET));
}
