/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How evidence comes in: a model is made for a file, whoever reads conversations adds them and fills in what they find,
 * and says that it has.
 */
#ifndef FLOW_EVIDENCE_H
#define FLOW_EVIDENCE_H

#include "flow.h"

/* What the user tells. Owned by the caller of flow_model_new(), copied. */
typedef struct {
    const char *servers;       /* names and addresses, separated by commas or blanks; ROLE=… for wap, ndes, device */
    const char *expected_flow; /* a flow's name; "auto" or NULL */
    const char *vantage;       /* "client", "wap", "ndes", "crp"; "auto" or NULL */
    const char *log_time_zone; /* of logs that have none: "+02:00", "-0700", "Z"; "auto" or NULL */
    /* Gives the knowledge when it is first needed, and with its catalogue when there is an enrolment: most files need
     * neither. */
    const flow_knowledge *(*learn)(bool with_catalogue);
} flow_settings;

/* `knowledge` must outlive the model; NULL: it comes from `learn` of the settings. */
flow_model *flow_model_new(const flow_knowledge *knowledge, const flow_settings *settings);
void        flow_model_free(flow_model *model);

/* The file's last frame so far. */
void flow_model_saw_frame(flow_model *model, uint32_t frame, int64_t time);

/* A new conversation whose first frame is `first`; its strings are copied. */
flow_conversation *flow_add_conversation(flow_model *model, unsigned tcp_stream, const char *client,
                                         uint16_t client_port, const char *server, uint16_t server_port,
                                         const char *vantage, flow_moment first);

/* The first segment's sender was the server after all. */
void flow_swap_sides(flow_conversation *conversation);

/* A new request that was read, after those the conversation has; `request` is the frame in which it is whole. */
flow_exchange *flow_add_exchange(flow_conversation *conversation, flow_basis basis, flow_moment request);

/* True when the conversation's server is one of SCEP's by its name or by what the user says: worth keeping everything. */
bool flow_is_named(const flow_conversation *conversation);

/* A copy of `text` that lives as long as the model, the same for the same text; NULL for NULL. */
const char *flow_intern(flow_model *model, const char *text);

/* The certificate with this DER encoding: `read` is called once for each, and gives it back in the model's memory. */
typedef void (*flow_read_certificate)(flow_model *model, const uint8_t *der, size_t length,
                                      flow_certificate *certificate);
const flow_certificate *flow_certificate_of(flow_model *model, const uint8_t *der, size_t length,
                                            flow_read_certificate read);

/* flow_evaluate() for the way through a file: it may leave the result a little behind while there are many
 * conversations, so that the work stays in proportion to the file. */
const flow_result *flow_evaluate_lately(flow_model *model);

/* Something about the conversation has changed: the next flow_evaluate() looks again. */
void flow_changed(flow_conversation *conversation);

#endif
