/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What came of a request, or of an enrolment, in a few words for people.
 */
#include "outcome.h"

/* RFC 8894 3.2.1.3 and 3.2.1.4. */
static const char *const pki_statuses[] = { [0] = "SUCCESS", [2] = "FAILURE", [3] = "PENDING" };
static const char *const fail_infos[] = { "badAlg", "badMessageCheck", "badRequest", "badTime", "badCertId" };

const char *
outcome_pki_status(int status)
{
    return status >= 0 && status < (int)G_N_ELEMENTS(pki_statuses) ? pki_statuses[status] : NULL;
}

/* [MS-WCCE] 3.2.1.4.2.1.1 */
static const char *const dispositions[] = { "incomplete", "error",         "denied", "issued", "issued out of band",
                                            "under submission", "revoked" };

const char *
outcome_disposition(int disposition)
{
    return disposition >= 0 && disposition < (int)G_N_ELEMENTS(dispositions) ? dispositions[disposition]
                                                                             : "unknown disposition";
}

static void
add_part(GString *text, const char *part)
{
    if (text->len)
        g_string_append(text, ", ");
    g_string_append(text, part);
}

static void
add_status(GString *text, const flow_exchange *exchange)
{
    const char *status = outcome_pki_status(exchange->pki_status);
    int         info = exchange->fail_info;

    if (exchange->pki_status < 0)
        return;
    if (status)
        add_part(text, status);
    else
        g_string_append_printf(text, "%spkiStatus %d", text->len ? ", " : "", exchange->pki_status);
    if (info >= 0 && info < (int)G_N_ELEMENTS(fail_infos))
        g_string_append_printf(text, " %s", fail_infos[info]);
    else if (info >= 0)
        g_string_append_printf(text, " failInfo %d", info);
}

char *
outcome_of(const flow_exchange *exchange)
{
    GString *text = g_string_new(NULL);

    if (flow_http_status(exchange) > 0)
        g_string_append_printf(text, "HTTP %d", flow_http_status(exchange));
    if (flow_http_substatus(exchange) > 0)
        g_string_append_printf(text, ".%u", flow_http_substatus(exchange));
    if (exchange->code)
        add_part(text, exchange->code);
    else if (exchange->verified >= 0)
        add_part(text, exchange->verified ? "true" : "false");
    if (exchange->disposition >= 0)
        add_part(text, outcome_disposition(exchange->disposition));
    add_status(text, exchange);
    if (exchange->has_hresult)
        g_string_append_printf(text, "%s0x%08x", text->len ? ", " : "", exchange->hresult);
    return g_string_free(text, text->len == 0);
}

void
outcome_count(const flow_enrolment *enrolment, unsigned *fine, unsigned *visible)
{
    *fine = *visible = 0;
    for (unsigned i = 0; i < enrolment->steps->len; i++) {
        const flow_expectation *expectation = enrolment->steps->pdata[i];

        *fine += expectation->state == FLOW_OK;
        *visible += expectation->state != FLOW_NOT_VISIBLE;
    }
}

const char *
outcome_device(const flow_enrolment *enrolment)
{
    if (enrolment->device)
        return enrolment->device;
    return enrolment->device_id ? enrolment->device_id : "unknown device";
}

const char *
outcome_server(const flow_enrolment *enrolment)
{
    if (enrolment->server)
        return enrolment->server;
    return enrolment->server_endpoint.address ? enrolment->server_endpoint.address : "unknown server";
}
