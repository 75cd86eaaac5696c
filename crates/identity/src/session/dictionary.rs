//! Deflate with a preset dictionary (RFC 1951; the idea of a dictionary is zlib's, RFC 1950
//! section 2.2), so that even a short policy becomes much shorter.

use miniz_oxide::deflate::core::{
    CompressorOxide, TDEFLFlush, TDEFLStatus, compress_to_output, create_comp_flags_from_zip_params,
};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

/// Part of the token format: changing a byte of it makes older tokens unreadable. What is likeliest
/// stands last, where references to it are shortest.
const DICTIONARY: &[u8] = br#"arn:aws:dynamodb:us-east-1:table/arn:aws:sqs:sns:kms:key/secretsmanager:lambda:InvokeFunctionlogs:ec2:Describe*iam:PassRolests:AssumeRoleaws:SourceIpaws:SecureTransportaws:PrincipalTag/aws:RequestTag/aws:MultiFactorAuthPresentIpAddressNotIpAddressDateLessThanNumericLessThanEqualsBoolArnLikeArnEqualsForAllValues:ForAnyValue:StringNotEqualsStringEqualsIfExists"NotAction":"NotResource":${aws:username}"true""false"s3:AbortMultipartUploads3:ListBucketMultipartUploadss3:ListMultipartUploadPartss3:DeleteObjectVersions3:GetObjectVersions3:GetBucketLocations3:ListBucketVersions"Sid": "","Condition": {"StringEquals": {"StringLike": {"s3:prefix": ["{"Version":"2008-10-17","Id":"*"]}}},{"Effect":"Deny","Action":["s3:DeleteObject","s3:PutObject","s3:GetObject","s3:ListBucket","s3:*"],"Condition":{"StringLike":{"s3:prefix":["","*"]}},"Resource":["arn:aws:s3:::","arn:aws:iam::","arn:aws:s3:::*","/*"]}]}{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["*"], "Resource": "*"}]}{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::"#;

const LEVEL: i32 = 9;
const RAW: i32 = -15;

/// `bytes`, deflated behind the dictionary; `None` if the compressor fails.
pub(super) fn deflate(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut compressor = CompressorOxide::new(create_comp_flags_from_zip_params(LEVEL, RAW, 0));
    // The dictionary goes through the compressor first and what comes out is thrown away: a sync
    // flush ends it on a byte boundary, and the window stays.
    let (status, read) =
        compress_to_output(&mut compressor, DICTIONARY, TDEFLFlush::Sync, |_| true);
    (status == TDEFLStatus::Okay && read == DICTIONARY.len()).then_some(())?;
    let mut out = Vec::new();
    let (status, read) = compress_to_output(&mut compressor, bytes, TDEFLFlush::Finish, |chunk| {
        out.extend_from_slice(chunk);
        true
    });
    (status == TDEFLStatus::Done && read == bytes.len()).then_some(out)
}

/// The inverse of [`deflate`]; `None` if `bytes` are none of its making, have bytes left over or
/// would inflate to more than `limit`.
pub(super) fn inflate(bytes: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut room = (bytes.len() * 8).clamp(1024, limit);
    loop {
        let mut out = vec![0; DICTIONARY.len() + room];
        out.get_mut(..DICTIONARY.len())?.copy_from_slice(DICTIONARY);
        let (status, read, written) = decompress(
            &mut DecompressorOxide::new(),
            bytes,
            &mut out,
            DICTIONARY.len(),
            TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
        );
        match status {
            TINFLStatus::Done if read == bytes.len() => {
                out.truncate(DICTIONARY.len() + written);
                out.drain(..DICTIONARY.len());
                return Some(out);
            }
            TINFLStatus::HasMoreOutput if room < limit => room = (room * 4).min(limit),
            _ => return None,
        }
    }
}
