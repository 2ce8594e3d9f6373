/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The catalogue that is compiled in: what it says of failures when all that is known of them are facts.
 */
#include <string.h>

#include "flow/knowledge.h"
#include "support.h"

/* "NAME=VALUE NAME=VALUE", where ~ is a blank in a value. */
static const char *
fact_of(void *user, const char *name)
{
    static char value[256];
    size_t      length = strlen(name);

    for (const char *word = user; *word; word += strcspn(word, " "), word += *word == ' ') {
        if (strncmp(word, name, length) == 0 && word[length] == '=') {
            g_snprintf(value, sizeof value, "%.*s", (int)strcspn(word + length + 1, " "), word + length + 1);
            return g_strdelimit(value, "~", ' ');
        }
    }
    return NULL;
}

/* True when an entry among `found` hides this one. */
static bool
is_hidden(const GPtrArray *found, const flow_entry *entry)
{
    for (guint i = 0; i < found->len; i++) {
        const flow_entry *other = found->pdata[i];

        if (g_strv_contains((const char *const *)other->hides, entry->id))
            return true;
    }
    return false;
}

static void
add_holding(const flow_knowledge *knowledge, const char *facts, GPtrArray *found)
{
    const GPtrArray *catalogue = flow_knowledge_catalogue(knowledge);

    for (guint i = 0; i < catalogue->len; i++) {
        flow_entry *entry = catalogue->pdata[i];

        if ((entry->about == FLOW_ABOUT_EXCHANGE && !fact_of((void *)facts, "step")) ||
            (entry->about == FLOW_ABOUT_CONVERSATION && !fact_of((void *)facts, "leg")))
            continue;
        if (flow_entry_holds(entry, fact_of, (void *)facts) && !g_ptr_array_find(found, entry, NULL))
            g_ptr_array_add(found, entry);
    }
}

/* Facts that most failures share, before those of the case. */
#define STOPPED "verdict=failed flow=windows-mdm "
#define AT_DEVICE STOPPED "legs=device-wap leg=device-wap quiet=20 "
#define BOTH_LEGS STOPPED "legs=device-wap,~wap-ndes quiet=20 "
#define OUTER BOTH_LEGS "leg=device-wap "
#define INNER BOTH_LEGS "leg=wap-ndes "
#define NO_DISCOVERY "discovery=none pki_operation=none "
#define PART_DISCOVERY "discovery=partial pki_operation=none "
#define DISCOVERY "discovery=complete pki_operation=none "
#define SENT "discovery=complete pki_operation=sent "
#define OPEN "tcp=established tls=established tls.flight=finished "
#define PKI_GET "step=pki-operation method=GET basis=decrypted tcp.after=request "
#define CERT_GET "step=get-ca-cert method=GET basis=decrypted tcp.after=request "

/* Behind NDES: what the device got, and the call or connection that was the reason. */
#define REFUSED STOPPED SENT OPEN "legs=device-ndes,~ndes-crp leg=device-ndes quiet=20 step=pki-operation " \
    "method=POST basis=decrypted answered=yes http.status=200 answer_readable=yes pki_status=2 fail_info=2 " \
    "hresult=0x80070057 tcp.after=answer"
#define AT_CRP STOPPED SENT "legs=device-ndes,~ndes-crp leg=ndes-crp quiet=20 "
#define AT_CA STOPPED SENT "legs=device-ndes,~ndes-ca leg=ndes-ca quiet=20 "
#define CRP_CALL AT_CRP OPEN "method=POST basis=decrypted tcp.after=answer answered=yes "
#define VERIFY CRP_CALL "step=verify-request "
#define CA_CALL AT_CA "tcp=established tls=none rpc=clear step=ca-issue basis=decrypted tcp.after=answer "
#define CERTIFICATE "tls.flight=server-done tls.sni=crp tcp.after=server-hello tls=failed tcp=closed "

/* What is seen of a failure, often that of the sample of that name: facts, one set for each conversation with the exchange
 * that fails. One error remains, or none. */
static const struct {
    const char *failure, *id;
    const char *facts[4]; /* NULL-terminated */
} cases[] = {
    { "tls-untrusted", "wap-ext-cert-untrusted",
      { AT_DEVICE NO_DISCOVERY "tcp=closed tcp.closed_by=client tcp.after=server-hello tls=failed "
        "tls.flight=server-done tls.sni=scep.contoso.com tls.alert=unknown_ca tls.alert_by=client" } },
    { "tls-untrusted-13", "tls-client-rejects-certificate",
      { AT_DEVICE NO_DISCOVERY "tcp=closed tcp.closed_by=client tcp.after=server-hello tls=failed "
        "tls.flight=server-done tls.sni=scep.contoso.com tls.alert=encrypted tls.alert_by=client" } },
    { "tls-untrusted-inner", "wap-backend-cert",
      { OUTER NO_DISCOVERY OPEN CERT_GET "answered=yes http.status=502 wait=0.1 forwarded=no",
        INNER NO_DISCOVERY "tcp=closed tcp.closed_by=client tcp.after=tls-handshake tls=established "
        "tls.flight=finished tls.alert=close_notify tls.alert_by=client" } },
    { "tls-version", "tls-version",
      { AT_DEVICE NO_DISCOVERY "tcp=closed tcp.closed_by=server tcp.after=client-hello tls=failed "
        "tls.flight=client-hello tls.sni=scep.contoso.com tls.alert=protocol_version tls.alert_by=server" } },
    { "tls-cipher", "tls-cipher",
      { AT_DEVICE NO_DISCOVERY "tcp=closed tcp.closed_by=server tcp.after=client-hello tls=failed "
        "tls.flight=client-hello tls.sni=scep.contoso.com tls.alert=handshake_failure tls.alert_by=server" } },
    { "tls-expired", "tls-expired",
      { AT_DEVICE NO_DISCOVERY "tcp=closed tcp.closed_by=client tcp.after=server-hello tls=failed "
        "tls.flight=server-done tls.sni=scep.contoso.com tls.alert=certificate_expired tls.alert_by=client "
        "certificate.expired=yes" } },
    { "not yet valid", "tls-not-yet-valid",
      { AT_DEVICE NO_DISCOVERY "tcp=closed tcp.closed_by=client tcp.after=server-hello tls=failed "
        "tls.flight=server-done tls.sni=scep.contoso.com tls.alert=certificate_expired tls.alert_by=client "
        "certificate.not_yet_valid=yes" } },
    { "tls-name", "wap-ext-cert-name",
      { AT_DEVICE NO_DISCOVERY "tcp=closed tcp.closed_by=client tcp.after=tls-handshake tls=established "
        "tls.flight=finished tls.sni=scep.contoso.com tls.alert=close_notify tls.alert_by=client "
        "certificate.name_mismatch=yes" } },
    { "the same towards the registration point", "tls-cn-mismatch",
      { STOPPED SENT "quiet=20 legs=ndes-crp leg=ndes-crp tcp=closed tcp.closed_by=client "
        "tcp.after=tls-handshake tls=established tls.flight=finished tls.sni=crp "
        "certificate.name_mismatch=yes" } },
    { "tls-stalled-hello", "tls-stalled-hello",
      { AT_DEVICE NO_DISCOVERY "tcp=closed tcp.closed_by=client tcp.after=client-hello tls=failed "
        "tls.flight=client-hello tls.sni=scep.contoso.com stalled=yes duration=4" } },
    { "tls-stalled-certificate at the device", "tls-stalled-certificate",
      { AT_DEVICE NO_DISCOVERY "tcp=closed tcp.closed_by=client tcp.after=client-hello tls=failed "
        "tls.flight=client-hello tls.sni=scep.contoso.com stalled=yes duration=4 tcp.losses=yes" } },
    { "tls-stalled-certificate at the proxy", "tls-stalled-certificate",
      { AT_DEVICE NO_DISCOVERY "tcp=closed tcp.closed_by=client tcp.after=server-hello tls=failed "
        "tls.flight=server-done tls.sni=scep.contoso.com stalled=yes duration=4 tcp.retransmissions=4" } },
    { "tls-reset-hello", "tls-binding-none",
      { AT_DEVICE NO_DISCOVERY "tcp=reset tcp.reset_by=server tcp.after=client-hello tls=failed "
        "tls.flight=client-hello tls.sni=scep.contoso.com stalled=yes duration=0.1" } },
    { "tls-reset-no-sni", "wap-no-sni",
      { AT_DEVICE NO_DISCOVERY "tcp=reset tcp.reset_by=server tcp.after=client-hello tls=failed "
        "tls.flight=client-hello stalled=yes duration=0.1" } },
    { "tls-client-certificate", "tls-client-certificate-demanded",
      { AT_DEVICE NO_DISCOVERY OPEN CERT_GET "answered=yes http.status=400 http.server=nginx "
        "tls.client_certificate=requested forwarded=no" } },
    { "no client certificate with TLS 1.3", "tls-client-certificate-refused",
      { AT_DEVICE NO_DISCOVERY "tcp=closed tcp.closed_by=server tcp.after=tls-handshake tls=established "
        "tls.flight=finished tls.sni=x tls.alert=certificate_required tls.alert_by=server" } },
    { "garbage-hello", "https-not-http",
      { AT_DEVICE NO_DISCOVERY "tcp=closed tcp.closed_by=server tcp.after=client-hello tls=failed "
        "tls.flight=client-hello tls.sni=scep.contoso.com stalled=yes duration=0.1 "
        "tls.foreign=HTTP/1.1~400~Bad~Request" } },
    { "another service", "tls-garbage",
      { AT_DEVICE NO_DISCOVERY "tcp=closed tcp.closed_by=client tcp.after=client-hello tls=failed "
        "tls.flight=client-hello tls.sni=scep.contoso.com stalled=yes duration=0.1 tls.foreign=SSH-2.0-x" } },
    { "reset before anything was sent", "tcp-reset-handshaked",
      { AT_DEVICE NO_DISCOVERY "tcp=reset tcp.reset_by=server tcp.after=tcp-handshake tls=none" } },
    { "tcp-refused", "tcp-refused",
      { AT_DEVICE DISCOVERY "tcp=refused tcp.reset_by=server tcp.after=syn tls=none stalled=yes" } },
    { "tcp-no-answer", "tcp-no-answer",
      { AT_DEVICE DISCOVERY "tcp=no-answer tcp.after=syn tcp.syn_repeats=2 tls=none stalled=yes" } },
    { "reset-request", "request-reset",
      { AT_DEVICE SENT PKI_GET "tcp=reset tcp.reset_by=server tls=established tls.flight=finished "
        "answered=no wait=0.01 target_length=3600 request_octets=3900 forwarded=no" } },
    { "http-403", "http-403",
      { OUTER NO_DISCOVERY OPEN CERT_GET "answered=yes http.status=403 forwarded=yes",
        INNER NO_DISCOVERY OPEN CERT_GET "answered=yes http.status=403 inward=yes" } },
    { "http-404", "http-404",
      { AT_DEVICE NO_DISCOVERY OPEN CERT_GET "answered=yes http.status=404 target_length=90" } },
    { "404.15", "get-too-long-iis",
      { AT_DEVICE SENT OPEN PKI_GET "answered=yes http.status=404 target_length=3600" } },
    { "http-500", "ndes-500",
      { AT_DEVICE PART_DISCOVERY OPEN CERT_GET "answered=yes http.status=500" } },
    { "500 for PKIOperation", "ndes-500-pki",
      { AT_DEVICE SENT OPEN PKI_GET "answered=yes http.status=500" } },
    { "http-413", "http-413",
      { AT_DEVICE SENT OPEN "step=pki-operation method=POST basis=decrypted answered=yes http.status=413" } },
    { "http-414", "get-too-long-lb",
      { AT_DEVICE SENT OPEN PKI_GET "answered=yes http.status=414 http.server=nginx/1.22.1 target_length=3600" } },
    { "Request Header Too Long", "get-too-long-httpsys",
      { AT_DEVICE SENT OPEN PKI_GET "answered=yes http.status=400 http.server=Microsoft-HTTPAPI/2.0 "
        "target_length=17000" } },
    { "http-502", "wap-backend-unreachable",
      { OUTER SENT OPEN PKI_GET "answered=yes http.status=502 forwarded=no target_length=3600",
        INNER SENT "tcp=refused tcp.reset_by=server tcp.after=syn tls=none stalled=yes" } },
    { "http-502 at the device", "http-502",
      { AT_DEVICE SENT OPEN PKI_GET "answered=yes http.status=502 target_length=3600" } },
    { "http-503", "wap-503",
      { OUTER SENT OPEN PKI_GET "answered=yes http.status=503 forwarded=no" } },
    { "503 from NDES", "ndes-503-pool",
      { OUTER SENT OPEN PKI_GET "answered=yes http.status=503 forwarded=yes",
        INNER SENT OPEN PKI_GET "answered=yes http.status=503 inward=yes" } },
    { "http-504", "wap-backend-timeout",
      { OUTER SENT OPEN PKI_GET "answered=yes http.status=504 forwarded=yes wait=2 target_length=3600",
        INNER SENT PKI_GET "tcp=closed tcp.closed_by=client tls=established answered=no wait=2 inward=yes" } },
    { "http-504 at the device", "http-504",
      { AT_DEVICE SENT OPEN PKI_GET "answered=yes http.status=504 wait=2" } },
    { "405", "http-other",
      { AT_DEVICE SENT OPEN "step=pki-operation method=POST basis=decrypted answered=yes http.status=405" } },
    { "wap-signin", "wap-preauth-adfs",
      { AT_DEVICE NO_DISCOVERY OPEN CERT_GET "answered=yes http.status=302 forwarded=no "
        "http.location=https://sts.contoso.com/adfs/ls/?version=1.0" } },
    { "another redirection", "http-redirect",
      { AT_DEVICE NO_DISCOVERY OPEN CERT_GET "answered=yes http.status=301 "
        "http.location=https://www.contoso.com/" } },
    { "get-hang-wap", "get-too-long-wap",
      { OUTER SENT PKI_GET "tcp=closed tcp.closed_by=client tls=established answered=no wait=4 "
        "target_length=3600 request_octets=3900 forwarded=no" } },
    { "get-hang-wap at the device", "request-unanswered",
      { AT_DEVICE SENT PKI_GET "tcp=closed tcp.closed_by=client tls=established answered=no wait=4 "
        "target_length=3600 request_octets=3900" } },
    { "the same with 10 kB, encrypted", "get-too-long-wap",
      { AT_DEVICE SENT "step=pki-operation basis=inferred tcp=closed tcp.closed_by=client tls=established "
        "answered=no wait=30 request_octets=10400" } },
    { "wap-no-forward", "wap-no-forward",
      { OUTER NO_DISCOVERY CERT_GET "tcp=closed tcp.closed_by=client tls=established answered=no wait=4 "
        "target_length=90 forwarded=no" } },
    { "no-pkioperation", "no-pkioperation-windows",
      { AT_DEVICE DISCOVERY OPEN CERT_GET "answered=yes http.status=200 answer_readable=yes" } },
    { "no-pkioperation, encrypted and inside", "no-pkioperation-inside",
      { STOPPED DISCOVERY OPEN "legs=wap-ndes leg=wap-ndes quiet=20 step=get-ca-cert basis=inferred "
        "answered=yes" } },
    { "no GetCACaps", "ios-no-getcacaps",
      { "verdict=incomplete flow=ios legs=device-ndes leg=device-ndes quiet=20 " PART_DISCOVERY OPEN
        CERT_GET "answered=yes http.status=200 answer_readable=yes" } },
    { "garbage-answer", "garbage-answer",
      { AT_DEVICE SENT OPEN PKI_GET "answered=yes http.status=200 answer_readable=no "
        "http.content_type=application/x-pki-message problem=x" } },
    { "a portal", "http-html-answer",
      { AT_DEVICE NO_DISCOVERY OPEN CERT_GET "answered=yes http.status=200 answer_readable=no "
        "http.content_type=text/html;~charset=utf-8" } },
    { "ndes-failure", "scep-bad-request",
      { AT_DEVICE SENT OPEN PKI_GET "answered=yes http.status=200 answer_readable=yes pki_status=2 "
        "fail_info=2 hresult=0x80070057" } },
    { "a used challenge", "otp-used",
      { AT_DEVICE SENT OPEN PKI_GET "answered=yes http.status=200 answer_readable=yes pki_status=2 "
        "fail_info=2 hresult=0x800b0110" } },
    { "no template", "ca-template-missing",
      { AT_DEVICE SENT OPEN PKI_GET "answered=yes http.status=200 answer_readable=yes pki_status=2 "
        "fail_info=2 hresult=0x80094800" } },
    { "undecryptable", "pkcs7-wrong-recipient",
      { AT_DEVICE SENT OPEN PKI_GET "answered=yes http.status=200 answer_readable=yes pki_status=2 "
        "fail_info=1 problem=Encrypted~to~issuer~CN=x,~serial~number~1:~none~of~the~certificates~of~GetCACert" } },
    { "403.7", "crp-client-certificate-missing",
      { OUTER SENT OPEN PKI_GET "answered=yes http.status=200 answer_readable=yes pki_status=2 fail_info=2",
        STOPPED SENT OPEN "legs=device-ndes,~ndes-crp leg=ndes-crp quiet=20 step=verify-request method=POST "
        "basis=decrypted answered=yes http.status=403 tls.client_certificate=requested" } },
    { "no registration point", "crp-unreachable",
      { REFUSED, AT_CRP "tcp=refused tcp.reset_by=server tcp.after=syn tls=none stalled=yes" } },
    { "the same towards Intune", "crp-unreachable",
      { REFUSED, STOPPED SENT "legs=device-ndes,~ndes-intune leg=ndes-intune quiet=20 tcp=no-answer tcp.after=syn "
        "tcp.syn_repeats=2 tls=none stalled=yes" } },
    { "NDES does not trust it", "crp-certificate-not-accepted",
      { REFUSED, AT_CRP CERTIFICATE "tcp.closed_by=client tls.alert=unknown_ca tls.alert_by=client" } },
    { "the same with TLS 1.3", "crp-certificate-not-accepted",
      { REFUSED, AT_CRP CERTIFICATE "tcp.closed_by=client tls.alert=encrypted tls.alert_by=client" } },
    { "the same without an alert", "crp-certificate-not-accepted",
      { REFUSED, AT_CRP OPEN "tcp.closed_by=client tcp.after=tls-handshake" } },
    { "the same by a reset", "crp-certificate-not-accepted",
      { REFUSED, AT_CRP "tcp=reset tcp.reset_by=client tls=established tls.flight=finished tcp.after=tls-handshake" } },
    { "no cipher suite in common", "crp-tls-refused",
      { REFUSED, AT_CRP "tcp=closed tcp.closed_by=server tcp.after=client-hello tls=failed tls.flight=client-hello "
        "tls.sni=crp tls.alert=handshake_failure tls.alert_by=server" } },
    { "no certificate in the binding", "crp-tls-refused",
      { REFUSED, AT_CRP "tcp=reset tcp.reset_by=server tcp.after=client-hello tls=failed tls.flight=client-hello "
        "tls.sni=crp stalled=yes" } },
    { "403.7 as IIS says it", "crp-client-certificate-missing", { REFUSED, VERIFY "http.status=403 http.substatus=7" } },
    { "403.7, encrypted", "crp-client-certificate-missing",
      { REFUSED, AT_CRP OPEN "step=verify-request basis=inferred answered=yes state=failed "
        "tls.client_certificate=empty" } },
    { "403.16", "crp-client-certificate-untrusted",
      { REFUSED, VERIFY "http.status=403 http.substatus=16 tls.client_certificate=sent" } },
    { "403.17", "crp-client-certificate-expired",
      { REFUSED, VERIFY "http.status=403 http.substatus=17 tls.client_certificate=sent" } },
    { "403 with an old certificate", "crp-client-certificate-expired",
      { REFUSED, VERIFY "http.status=403 tls.client_certificate=sent client_certificate.expired=yes" } },
    { "403.17, encrypted", "crp-client-certificate-expired",
      { REFUSED, AT_CRP OPEN "step=verify-request basis=inferred answered=yes state=failed "
        "tls.client_certificate=sent client_certificate.expired=yes" } },
    { "403.13", "crp-client-certificate-revoked",
      { REFUSED, VERIFY "http.status=403 http.substatus=13 tls.client_certificate=sent" } },
    { "403 without more", "crp-403", { REFUSED, VERIFY "http.status=403 tls.client_certificate=sent" } },
    { "crp 401", "crp-401", { REFUSED, VERIFY "http.status=401" } },
    { "crp 404", "crp-404", { REFUSED, VERIFY "http.status=404" } },
    { "crp 413", "crp-413", { REFUSED, VERIFY "http.status=413" } },
    { "crp 500", "crp-500", { REFUSED, VERIFY "http.status=500" } },
    { "crp 502", "crp-500", { REFUSED, VERIFY "http.status=502" } },
    { "crp 503", "crp-503", { REFUSED, VERIFY "http.status=503" } },
    { "crp 302", "crp-other", { REFUSED, VERIFY "http.status=302 http.location=https://login.contoso.com/" } },
    { "an answer that NDES does not like, encrypted", "crp-answer-no",
      { REFUSED, AT_CRP OPEN "step=verify-request basis=inferred answered=yes state=failed" } },
    { "crp without an answer", "crp-no-answer",
      { REFUSED, AT_CRP OPEN "step=verify-request basis=decrypted answered=no wait=4 tcp.after=request" } },
    { "crp closes without an answer", "crp-no-answer",
      { REFUSED, AT_CRP "tcp=closed tls=established tls.flight=finished step=notify basis=decrypted answered=no "
        "wait=1.5 tcp.after=request" } },
    { "crp resets without an answer", "crp-no-answer",
      { REFUSED, AT_CRP "tcp=reset tls=established tls.flight=finished step=verify-request basis=decrypted answered=no "
        "wait=1.5 tcp.after=request" } },
    { "not verified", "crp-verify-false", { REFUSED, VERIFY "http.status=201 verified=false product=ConfigMgr" } },
    { "not verified by Intune", "intune-refused",
      { REFUSED, VERIFY "http.status=200 verified=false product=Intune code=ChallengeExpired" } },
    { "the CA's service is stopped", "ca-rpc-unavailable",
      { REFUSED, AT_CA "tcp=refused tcp.reset_by=server tcp.after=syn tls=none stalled=yes" } },
    { "no CA behind the port", "ca-rpc-refused",
      { REFUSED, AT_CA "tcp=closed tcp.closed_by=client tls=none rpc=refused tcp.after=tcp-handshake" } },
    { "the CA hangs", "ca-silent", { REFUSED, CA_CALL "answered=no wait=4" } },
    { "the CA goes away", "ca-silent",
      { REFUSED, AT_CA "tcp=reset tls=none rpc=clear step=ca-issue basis=decrypted answered=no wait=1.5" } },
    { "the CA's policy", "ca-denied",
      { REFUSED, CA_CALL "answered=yes disposition=2 hresult=0x80094012" } },
    { "access denied", "ca-fault", { REFUSED, CA_CALL "answered=yes problem=fault:~access~denied" } },
    { "an error instead", "ca-fault", { REFUSED, CA_CALL "answered=yes hresult=0x80070005" } },
    /* Nothing is wrong here. */
    { "healthy calls", NULL,
      { "verdict=complete flow=windows-mdm legs=device-ndes,~ndes-crp leg=ndes-crp quiet=20 verify_request=ok "
        "notify=ok " SENT OPEN "step=verify-request method=POST basis=decrypted answered=yes http.status=201 verified=true "
        "product=ConfigMgr tls.client_certificate=sent tcp.after=answer wait=0.4 slowest=verify-request slowest.time=0.4",
        "verdict=complete flow=windows-mdm legs=device-ndes,~ndes-ca leg=ndes-ca quiet=20 " SENT
        "tcp=established tls=none rpc=encrypted step=ca-issue basis=decrypted answered=yes disposition=3 wait=0.07",
        "verdict=complete flow=windows-mdm legs=device-ndes,~ndes-crp leg=ndes-crp quiet=20 " SENT OPEN
        "step=notify method=POST basis=decrypted answered=yes http.status=204 state=ok tcp.after=answer wait=0.14" } },
    { "a call that is under way", NULL,
      { STOPPED SENT OPEN "legs=ndes-crp leg=ndes-crp quiet=1 step=verify-request basis=decrypted answered=no wait=1 "
        "tcp.after=request" } },
    { "windows-get", NULL,
      { "verdict=complete flow=windows-mdm legs=device-wap leg=device-wap quiet=20 " SENT OPEN PKI_GET
        "answered=yes http.status=200 answer_readable=yes pki_status=0 tcp.after=answer wait=0.5 "
        "target_length=3600 certificate.name_mismatch=yes" } },
    { "keep-alive", NULL,
      { "verdict=complete flow=ios legs=device-wap leg=device-wap quiet=0 " SENT OPEN CERT_GET "answered=yes "
        "http.status=200 answer_readable=yes tcp.after=answer" } },
    { "the capture ends", NULL,
      { "verdict=incomplete flow=windows-mdm legs=device-wap leg=device-wap quiet=0.2 " SENT OPEN PKI_GET
        "answered=no wait=0.2 target_length=3600" } },
    { "the capture ends after the discovery", NULL,
      { "verdict=incomplete flow=windows-mdm legs=device-wap quiet=2 " DISCOVERY } },
    { "pending", NULL,
      { "verdict=pending flow=windows-mdm legs=device-wap leg=device-wap quiet=9 " SENT OPEN PKI_GET
        "answered=yes http.status=200 answer_readable=yes pki_status=3 tcp.after=answer" } },
    { "a browser before", NULL,
      { "verdict=incomplete flow=rfc8894 legs=device-ndes leg=device-ndes quiet=1 " NO_DISCOVERY OPEN
        "step=other-request method=GET basis=decrypted answered=yes http.status=403" } },
};

/* A slip in a name would make a fact absent. */
static void
assert_known(const char *facts)
{
    char **words = g_strsplit(facts, " ", -1);

    for (char **word = words; *word; word++) {
        const flow_known_fact *fact = flow_known_facts;
        size_t                 length = strcspn(*word, "=");

        if (!**word)
            continue;
        g_assert_cmpint((*word)[length], ==, '=');
        (*word)[length] = '\0';
        while (fact->name && strcmp(fact->name, *word) != 0)
            fact++;
        if (!fact->name)
            g_error("there is no fact %s", *word);
    }
    g_strfreev(words);
}

static void
test_failures(void)
{
    flow_knowledge *knowledge = flow_knowledge_new(NULL, NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        GPtrArray  *found = g_ptr_array_new();
        const char *only = NULL;

        for (const char *const *facts = cases[i].facts; *facts; facts++) {
            assert_known(*facts);
            add_holding(knowledge, *facts, found);
        }
        for (guint j = 0; j < found->len; j++) {
            const flow_entry *entry = found->pdata[j];

            if (entry->severity != FLOW_ERROR || is_hidden(found, entry))
                continue;
            g_test_message("%s: %s", cases[i].failure, entry->id);
            g_assert_null(only);
            only = entry->id;
        }
        if (g_strcmp0(only, cases[i].id) != 0)
            g_error("%s: %s instead of %s", cases[i].failure, only, cases[i].id);
        g_ptr_array_unref(found);
    }
    flow_knowledge_free(knowledge);
}

#define COMPLETE "verdict=complete leg=device-wap "

/* What is worth a word, but no error. */
static const struct {
    const char *id, *facts;
} others[] = {
    { "attempt-survived", COMPLETE "tcp=refused tls=none" },
    { "http-error-survived", COMPLETE "step=get-ca-caps http.status=404" },
    { "slow-answer", COMPLETE "step=pki-operation answered=yes wait=12" },
    { "ca-pending", "verdict=pending leg=device-wap step=pki-operation pki_status=3" },
    { "resent-a-lot", COMPLETE "tcp=closed tcp.retransmissions=9 tcp.syn_repeats=0" },
    { "tls-name-differs", COMPLETE "tcp=closed tls=established certificate.name_mismatch=yes" },
    { "certificate-outside-validity", COMPLETE "tcp=closed tls=established certificate.expired=yes" },
    { "caps-unreadable", COMPLETE "step=get-ca-caps http.status=200 answer_readable=no" },
    { "capture-lossy", COMPLETE "tcp=closed tcp.losses=yes" },
    { "crp-no-notify", COMPLETE "verify_request=ok notify=missing" },
    { "crp-notify-failed", "verdict=complete leg=ndes-crp step=notify state=failed answered=yes http.status=500" },
    { "crp-notify-failed", "verdict=complete leg=ndes-crp step=notify state=failed answered=no wait=9 tcp=established" },
    { "slow-crp", COMPLETE "slowest=verify-request slowest.time=2.1" },
    { "slow-crp", COMPLETE "slowest=notify slowest.time=30" },
    { "slow-ca", COMPLETE "slowest=ca-issue slowest.time=2.1" },
    { "slow-ndes", COMPLETE "slowest=ndes-before slowest.time=2.1" },
    { "slow-ndes", COMPLETE "slowest=ndes-between slowest.time=2.1" },
    { "slow-ndes", COMPLETE "slowest=ndes-after slowest.time=2.1" },
    { "slow-wap", COMPLETE "slowest=wap slowest.time=2.1" },
    { "slow-network", COMPLETE "slowest=network slowest.time=2.1" },
    { "mdm-unreachable", STOPPED "leg=device-mdm tcp=no-answer tcp.after=syn tls=none" },
    { "mdm-unreachable", "verdict=complete leg=device-mdm tcp=closed tls=failed tls.alert=unknown_ca tls.alert_by=client" },
};

static void
test_no_errors(void)
{
    flow_knowledge *knowledge = flow_knowledge_new(NULL, NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        GPtrArray *found = g_ptr_array_new();

        g_test_message("%s", others[i].id);
        assert_known(others[i].facts);
        add_holding(knowledge, others[i].facts, found);
        for (guint j = found->len; j > 0; j--) {
            if (is_hidden(found, found->pdata[j - 1]))
                g_ptr_array_remove_index(found, j - 1);
        }
        g_assert_cmpuint(found->len, ==, 1);
        g_assert_cmpstr(((flow_entry *)found->pdata[0])->id, ==, others[i].id);
        g_assert_cmpint(((flow_entry *)found->pdata[0])->severity, <, FLOW_ERROR);
        g_ptr_array_unref(found);
    }
    flow_knowledge_free(knowledge);
}

/* Two seconds are not slow yet, nor is what is slow the reason of a failure. */
static void
test_not_slow(void)
{
    static const char *const facts[] = { COMPLETE "slowest=ca-issue slowest.time=2",
                                         COMPLETE "slowest=wap slowest.time=1.9",
                                         COMPLETE "slowest=behind slowest.time=9",
                                         STOPPED "leg=ndes-ca slowest=ca-issue slowest.time=60" };
    flow_knowledge          *knowledge = flow_knowledge_new(NULL, NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(facts); i++) {
        GPtrArray *found = g_ptr_array_new();

        add_holding(knowledge, facts[i], found);
        g_assert_cmpuint(found->len, ==, 0);
        g_ptr_array_unref(found);
    }
    flow_knowledge_free(knowledge);
}

/* Each entry about what lies behind NDES has a situation above. */
static void
test_behind(void)
{
    GKeyFile *file = g_key_file_new();
    char    **ids;

    g_assert_true(g_key_file_load_from_file(file, SOURCE_ROOT "/dissector/flow/catalogue/behind.conf", G_KEY_FILE_NONE,
                                            NULL));
    ids = g_key_file_get_groups(file, NULL);
    for (char **id = ids; *id; id++) {
        bool has_case = false;

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
            has_case = has_case || g_strcmp0(cases[i].id, *id) == 0;
        for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
            has_case = has_case || strcmp(others[i].id, *id) == 0;
        if (!has_case)
            g_error("no case has %s", *id);
    }
    g_strfreev(ids);
    g_key_file_free(file);
}

int
main(int argc, char **argv)
{
    support_init(&argc, &argv);
    g_test_add_func("/catalogue/failures", test_failures);
    g_test_add_func("/catalogue/no-errors", test_no_errors);
    g_test_add_func("/catalogue/not-slow", test_not_slow);
    g_test_add_func("/catalogue/behind", test_behind);
    return support_run();
}
