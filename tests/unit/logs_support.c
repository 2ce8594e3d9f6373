/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "logs_support.h"

/* For the next line. */
static uint32_t frames;

static flow_moment
moment(int64_t time)
{
    return (flow_moment){ ++frames, BEGIN + time * MILLISECOND };
}

flow_log *
log_of(flow_model *model, unsigned number)
{
    static const struct {
        const char *format, *name, *path;
    } logs[] = {
        [NDES_IIS] = { "iis", "u_ex160610.log", "logs/ndes/u_ex160610.log" },
        [PLUGIN] = { "cmtrace", "NDESPlugin.log", "logs/ndes/NDESPlugin.log" },
        [CRP_IIS] = { "iis", "u_ex160610.log", "logs/crp/u_ex160610.log" },
        [CRP_LOG] = { "cmtrace", "CRP.log", "logs/crp/CRP.log" },
        [HTTPERR] = { "httperr", "httperr1.log", "logs/ndes/httperr1.log" },
    };

    return flow_log_of(model, number, logs[number].format, logs[number].name, logs[number].path);
}

flow_conversation *
add_request_line(flow_model *model, int64_t time, flow_step step, const char *message, const char *agent, int status,
                 int64_t duration)
{
    flow_log_line line = { .is_utc = true,
                           .client = { LOGGED_WAP, 0 },
                           .server = { LOGGED_NDES, 443 },
                           .step = step,
                           .operation = flow_operation_name(step),
                           .message = message,
                           .user_agent = agent,
                           .is_cut = step == FLOW_PKI_OPERATION,
                           .http_status = status,
                           .win32_status = 0,
                           .duration = duration * MILLISECOND };

    return flow_log_add(log_of(model, NDES_IIS), moment(time), &line);
}

flow_conversation *
add_call_line(flow_model *model, int64_t time, flow_step step, int status, int64_t duration)
{
    flow_log_line line = { .is_utc = true,
                           .client = { LOGGED_NDES, 0 },
                           .server = { LOGGED_CRP, 443 },
                           .step = step,
                           .operation = flow_operation_name(step),
                           .product = "ConfigMgr",
                           .is_post = true,
                           .user_agent = "NDES_Plugin",
                           .http_status = status,
                           .win32_status = 0,
                           .duration = duration * MILLISECOND };

    return flow_log_add(log_of(model, CRP_IIS), moment(time), &line);
}

flow_conversation *
add_message(flow_model *model, unsigned number, int64_t time, const char *thread, int level, bool is_utc,
            const char *text)
{
    flow_log_line line = { .is_utc = is_utc,
                           .component = number == PLUGIN ? "NDESPlugin" : "CertificateRegistrationPoint",
                           .thread = thread,
                           .text = text,
                           .level = level,
                           .win32_status = -1,
                           .duration = -1 };

    return flow_log_add(log_of(model, number), moment(time), &line);
}

/* 02:44:06 is 0: the lines' seconds less six. */
unsigned
add_reference_requests(flow_model *model)
{
    add_request_line(model, 0, FLOW_GET_CA_CERT, "MDM", NULL, 200, 0);
    add_request_line(model, 0, FLOW_GET_CA_CAPS, "MDM", NULL, 200, 31);
    add_request_line(model, 2000, FLOW_GET_CA_CAPS, "default", WINDOWS_AGENT, 200, 13);
    add_request_line(model, 2000, FLOW_GET_CA_CERT, "default", WINDOWS_AGENT, 200, 1);
    add_request_line(model, 6000, FLOW_PKI_OPERATION, NULL, WINDOWS_AGENT, 200, 502);
    return 5;
}

unsigned
add_reference_plugin(flow_model *model)
{
    static const struct {
        int64_t     time;
        const char *thread, *text;
    } lines[] = {
        { 5789, "2900", "Calling VerifyRequest ..." },
        { 5789, "2900", "Sending request to certificate registration point." },
        { 6200, "2900", "Verify challenge returns true" },
        { 6200, "2900", "Exiting VerifyRequest with 0x0" },
        { 6270, "3088", "Calling Notifyrequest ..." },
        { 6270, "3088", "Sending request to certificate registration point." },
        { 6410, "3088", "Exiting Notify with 0x0" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++)
        add_message(model, PLUGIN, lines[i].time, lines[i].thread, 1, true, lines[i].text);
    return G_N_ELEMENTS(lines);
}

unsigned
add_reference_crp_requests(flow_model *model)
{
    add_call_line(model, 6000, FLOW_VERIFY_REQUEST, 201, 349);
    add_call_line(model, 6000, FLOW_NOTIFY, 204, 102);
    return 2;
}

unsigned
add_reference_crp(flow_model *model, int64_t ahead)
{
    static const struct {
        int64_t     time;
        const char *thread, *text;
    } lines[] = {
        { 5851, "238", "Reading Template Permission Check from registry." },
        { 5851, "238", "Validation Phase 1 started." },
        { 6081, "238", "Validation Phase 1 finised with status True." },
        { 6081, "238", "Validation Phase 2 started for device and user ." },
        { 6082, "238", "Validation Phase 2 finished." },
        { 6082, "238",
          "Validation Phase 3 started for device 38fdb94d-db5c-468d-b8d6-37aff538e934 and user "
          "4514c247-96e3-4c6e-9d60-806ac5fa7e2f." },
        { 6082, "238", "Get Challenge Parameters from DB using query: Execute CRP_VerifyRequestParameters" },
        { 6150, "238", "Validation Phase 3 finished with status True." },
        { 6151, "238", "VerifyRequest Finished with status True" },
        { 6331, "237", "Notify Started." },
        { 6331, "237", "Beginning state message creation..." },
        { 6331, "237", "Retrieveing the CRP certificate" },
        { 6339, "237", "Retrieving the GWP or MP certificate." },
        { 6371, "237", "Sending Success state message" },
        { 6371, "237", "StateMessage csq5f2dte2d.SMX is dropped." },
        { 6371, "237", "Successfully sent state message" },
        { 6371, "237", "Notify Finished." },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++)
        add_message(model, CRP_LOG, lines[i].time + ahead, lines[i].thread, 1, false, lines[i].text);
    return G_N_ELEMENTS(lines);
}
