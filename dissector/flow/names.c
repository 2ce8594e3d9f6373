/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The names that fields, reports and files use.
 */
#include "flow.h"

#include <string.h>

#include "knowledge.h"

static const char *const leg_names[] = {
    [FLOW_LEG_UNKNOWN] = "unknown",  [FLOW_DEVICE_WAP] = "device-wap",     [FLOW_WAP_NDES] = "wap-ndes",
    [FLOW_DEVICE_NDES] = "device-ndes", [FLOW_NDES_CRP] = "ndes-crp",      [FLOW_NDES_CA] = "ndes-ca",
    [FLOW_NDES_INTUNE] = "ndes-intune", [FLOW_DEVICE_MDM] = "device-mdm",
};

/* As fields and files have them, and as people call them. */
static const struct {
    const char *name, *operation;
} steps[FLOW_STEPS] = {
    [FLOW_STEP_NONE] = { "none", "nothing" },
    [FLOW_TCP_HANDSHAKE] = { "tcp-handshake", "TCP handshake" },
    [FLOW_TLS_HANDSHAKE] = { "tls-handshake", "TLS handshake" },
    [FLOW_GET_CA_CAPS] = { "get-ca-caps", "GetCACaps" },
    [FLOW_GET_CA_CERT] = { "get-ca-cert", "GetCACert" },
    [FLOW_GET_NEXT_CA_CERT] = { "get-next-ca-cert", "GetNextCACert" },
    [FLOW_PKI_OPERATION] = { "pki-operation", "PKIOperation" },
    [FLOW_VERIFY_REQUEST] = { "verify-request", "VerifyRequest" },
    [FLOW_CA_ISSUE] = { "ca-issue", "CA issues" },
    [FLOW_NOTIFY] = { "notify", "Notify" },
    [FLOW_CERT_REP] = { "cert-rep", "CertRep" },
    [FLOW_SYNC] = { "sync", "MDM sync" },
    [FLOW_OTHER_REQUEST] = { "other-request", "another request" },
    [FLOW_TEMPLATE_PERMISSION] = { "template-permission", "template check" },
    [FLOW_CRP_PHASE_1] = { "crp-phase-1", "CRP phase 1" },
    [FLOW_CRP_PHASE_2] = { "crp-phase-2", "CRP phase 2" },
    [FLOW_CRP_PHASE_3] = { "crp-phase-3", "CRP phase 3" },
    [FLOW_CHALLENGE_VERIFIED] = { "challenge-verified", "challenge" },
    [FLOW_STATE_MESSAGE] = { "state-message", "state message" },
};

static const char *const state_names[] = {
    [FLOW_OK] = "ok",
    [FLOW_FAILED] = "failed",
    [FLOW_MISSING] = "missing",
    [FLOW_WAITING] = "waiting",
    [FLOW_UNEXPECTED] = "unexpected",
    [FLOW_OUT_OF_ORDER] = "out-of-order",
    [FLOW_NOT_VISIBLE] = "not-visible",
};

static const char *const basis_names[] = { "inferred", "decrypted", "log" };
static const char *const verdict_names[] = { "complete", "failed", "pending", "incomplete" };
static const char *const zone_names[] = { "utc", "bias", "told", "inferred", "assumed" };
static const char *const severity_names[] = { "note", "warning", "error" };
static const char *const tcp_names[] = { "no-answer", "refused", "established", "closed", "reset" };
static const char *const tls_names[] = { "none", "handshaking", "failed", "established" };

/* As JSON and facts have them, and as people call them. */
static const struct {
    const char *name, *title;
} time_parts[FLOW_TIME_PARTS] = {
    [FLOW_TIME_NETWORK] = { "network", "network" },
    [FLOW_TIME_WAP] = { "wap", "WAP" },
    [FLOW_TIME_BEHIND] = { "behind", "the server and behind it" },
    [FLOW_TIME_NDES_BEFORE] = { "ndes-before", "NDES before VerifyRequest" },
    [FLOW_TIME_VERIFY] = { "verify-request", "VerifyRequest" },
    [FLOW_TIME_NDES_BETWEEN] = { "ndes-between", "NDES between the calls" },
    [FLOW_TIME_CA] = { "ca-issue", "CA" },
    [FLOW_TIME_NOTIFY] = { "notify", "Notify" },
    [FLOW_TIME_NDES_AFTER] = { "ndes-after", "NDES after the calls" },
};

/* AlertDescription, RFC 8446 B.2 and RFC 5246 A.3. */
static const struct {
    int         description;
    const char *name, *meaning;
} alerts[] = {
    { 0, "close_notify", "it has nothing more to say" },
    { 10, "unexpected_message", "it got a message that does not belong here" },
    { 20, "bad_record_mac", "a record could not be authenticated" },
    { 21, "decryption_failed", "a record could not be decrypted" },
    { 22, "record_overflow", "a record was too long" },
    { 40, "handshake_failure", "it found no parameters that both sides accept" },
    { 41, "no_certificate", "it has no certificate" },
    { 42, "bad_certificate", "the certificate is damaged or does not fit" },
    { 43, "unsupported_certificate", "the certificate is of a kind it does not support" },
    { 44, "certificate_revoked", "the certificate was revoked by its signer" },
    { 45, "certificate_expired", "the certificate has expired or is not valid yet" },
    { 46, "certificate_unknown", "something else made the certificate unacceptable" },
    { 47, "illegal_parameter", "a field was out of range or inconsistent" },
    { 48, "unknown_ca", "it does not trust the certificate's issuer" },
    { 49, "access_denied", "the certificate is valid, but access is not allowed" },
    { 50, "decode_error", "a message could not be decoded" },
    { 51, "decrypt_error", "a signature or key exchange could not be verified" },
    { 60, "export_restriction", "export restrictions were not respected" },
    { 70, "protocol_version", "it does not support the protocol version that is offered" },
    { 71, "insufficient_security", "the cipher suites on offer are too weak for it" },
    { 80, "internal_error", "an error of its own, not the peer's" },
    { 86, "inappropriate_fallback", "the client fell back to an older version without need" },
    { 90, "user_canceled", "it gave up for a reason of its own" },
    { 100, "no_renegotiation", "it does not renegotiate" },
    { 109, "missing_extension", "an extension that it needs is missing" },
    { 110, "unsupported_extension", "an extension came that was not offered" },
    { 112, "unrecognized_name", "it has no site of that name" },
    { 113, "bad_certificate_status_response", "the revocation status is invalid" },
    { 115, "unknown_psk_identity", "it does not know the key identity" },
    { 116, "certificate_required", "it wants a client certificate" },
    { 120, "no_application_protocol", "it supports none of the protocols on offer" },
};

static const char *
name_of(const char *const *names, size_t count, unsigned index)
{
    return index < count ? names[index] : "unknown";
}

#define NAME(names, index) name_of(names, G_N_ELEMENTS(names), (unsigned)(index))

const char *
flow_leg_name(flow_leg leg)
{
    return NAME(leg_names, leg);
}

const char *
flow_step_name(flow_step step)
{
    return step < FLOW_STEPS ? steps[step].name : "unknown";
}

const char *
flow_operation_name(flow_step step)
{
    return step < FLOW_STEPS ? steps[step].operation : "unknown";
}

flow_step
flow_step_by_name(const char *name)
{
    for (int step = FLOW_STEP_NONE + 1; step < FLOW_STEPS; step++) {
        if (strcmp(steps[step].name, name) == 0)
            return (flow_step)step;
    }
    return FLOW_STEP_NONE;
}

const char *
flow_state_name(flow_state state)
{
    return NAME(state_names, state);
}

const char *
flow_basis_name(flow_basis basis)
{
    return NAME(basis_names, basis);
}

const char *
flow_verdict_name(flow_verdict verdict)
{
    return NAME(verdict_names, verdict);
}

const char *
flow_zone_basis_name(flow_zone_basis basis)
{
    return NAME(zone_names, basis);
}

const char *
flow_severity_name(flow_severity severity)
{
    return NAME(severity_names, severity);
}

const char *
flow_time_part_name(flow_time_part part)
{
    return part < FLOW_TIME_PARTS ? time_parts[part].name : "unknown";
}

const char *
flow_time_part_title(flow_time_part part)
{
    return part < FLOW_TIME_PARTS ? time_parts[part].title : "unknown";
}

const char *
flow_client_certificate_name(const flow_conversation *conversation)
{
    if (conversation->certificate_sent)
        return "sent";
    if (conversation->certificate_empty)
        return "empty";
    return conversation->certificate_requested ? "requested" : NULL;
}

const char *
flow_tcp_state_name(flow_tcp_state state)
{
    return NAME(tcp_names, state);
}

const char *
flow_tls_state_name(flow_tls_state state)
{
    return NAME(tls_names, state);
}

const char *
flow_tls_version_name(unsigned version)
{
    switch (version) {
    case 0: return NULL;
    case 0x0300: return "SSL 3.0";
    case 0x0301: return "TLS 1.0";
    case 0x0302: return "TLS 1.1";
    case 0x0303: return "TLS 1.2";
    case 0x0304: return "TLS 1.3";
    default: return "TLS of an unknown version";
    }
}

const char *
flow_alert_name(int description)
{
    for (size_t i = 0; i < G_N_ELEMENTS(alerts); i++) {
        if (alerts[i].description == description)
            return alerts[i].name;
    }
    return description < 0 ? "encrypted" : "unknown";
}

const char *
flow_alert_meaning(int description)
{
    for (size_t i = 0; i < G_N_ELEMENTS(alerts); i++) {
        if (alerts[i].description == description)
            return alerts[i].meaning;
    }
    return description < 0 ? "what it says is encrypted" : "its meaning is not known";
}
