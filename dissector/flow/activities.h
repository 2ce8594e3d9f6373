/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the messages of logs say, as data: flows/messages.conf, which tells its own form.
 */
#ifndef FLOW_ACTIVITIES_H
#define FLOW_ACTIVITIES_H

#include "keyfile.h"
#include "knowledge.h"

/* messages.conf: what it has is added to `activities` (of flow_activity *), or replaces what has the same name. */
void flow_activities_read(keyfile *file, GPtrArray *activities);
void flow_activity_free(gpointer activity);

#endif
