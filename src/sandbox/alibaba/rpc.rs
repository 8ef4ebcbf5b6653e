//! Verification of the older RPC signature (HMAC-SHA1 over all parameters), which Alibaba Cloud's credentials libraries
//! still use for STS AssumeRole.

use bytes::Bytes;
use http::Request;

use super::acs3::{canonical_query, mismatch};
use crate::sandbox::codec::{base64, encode, hmac_sha1, same};
use crate::sandbox::world::model::{Answer, ServiceError};

/// Checks the signature among the parameters of a request against a secret.
pub fn verify(request: &Request<Bytes>, parameters: &[(String, String)], secret: &str) -> Answer<()> {
    let get = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    if get("SignatureMethod") != Some("HMAC-SHA1") {
        return Err(ServiceError::new("InvalidParameter.SignatureMethod", "SignatureMethod must be HMAC-SHA1."));
    }
    let signed = parameters.iter().filter(|(key, _)| key != "Signature").cloned().collect();
    let to_sign = format!("{}&%2F&{}", request.method(), encode(&canonical_query(signed)));
    let expected = base64(&hmac_sha1(format!("{secret}&").as_bytes(), to_sign.as_bytes()));
    let told = get("Signature").unwrap_or_default();
    if same(expected.as_bytes(), told.as_bytes()) { Ok(()) } else { Err(mismatch()) }
}
