/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The device's synchronisation with its management service, which comes before its enrolment.
 */
#include "internal.h"

/* A synchronisation is the reason of an enrolment that begins so long after it at most. */
#define SOON_AFTER_SYNC (600 * FLOW_SECOND)
#define MAX_SYNCS 4

static const char *
device_of(const flow_group *group)
{
    const flow_conversation *first = group->exchanges->len
                                         ? ((flow_exchange *)group->exchanges->pdata[0])->conversation
                                     : group->bare->len ? group->bare->pdata[0]
                                                        : NULL;

    return first ? first->client.address : NULL;
}

/* It speaks TLS, or did not get so far. */
static bool
may_be_sync(const flow_conversation *conversation)
{
    flow_tcp_state tcp = flow_tcp_state_of(conversation);

    return conversation->is_tls || conversation->is_foreign_protocol || tcp == FLOW_TCP_REFUSED || tcp == FLOW_TCP_NO_ANSWER;
}

/* Gives each synchronisation to the device's next enrolment, or to the one under way. */
void
flow_add_syncs(flow_model *model, const GPtrArray *groups)
{
    for (guint i = 0; groups->len > 0 && i < model->distinct->len; i++) {
        flow_conversation *conversation = model->distinct->pdata[i];
        flow_group        *next = NULL;

        if (!may_be_sync(conversation) || !flow_is_management(model, conversation))
            continue;
        for (guint j = 0; j < groups->len; j++) {
            flow_group           *group = groups->pdata[j];
            const flow_enrolment *enrolment = group->enrolment;

            if (device_of(group) == conversation->client.address && enrolment->end.time >= conversation->first.time &&
                enrolment->begin.time - conversation->last.time <= SOON_AFTER_SYNC &&
                (!next || enrolment->begin.time < next->enrolment->begin.time))
                next = group;
        }
        if (!next)
            continue;
        g_ptr_array_add(next->syncs, conversation);
        if (next->syncs->len > MAX_SYNCS)
            g_ptr_array_remove_index(next->syncs, 0);
    }
}
