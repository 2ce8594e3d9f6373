/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reads the files of the folder flows. What has a mistake changes nothing. NAME.flow:
 *
 *   [flow]
 *   title=TEXT
 *   priority=N                      the flows in the order in which they are considered
 *   user-agents=GLOB; GLOB …        of its devices
 *   messages=GLOB; GLOB …           what they send as parameter `message` of GetCACaps and GetCACert
 *   keeps-conversations=true        when the device itself always groups its requests as below
 *   fallback=true                   when it says nothing of a device
 *   behind=STEP; STEP …             what happens behind NDES meanwhile
 *   schedule=every 5m for 15m; every 8h
 *
 *   [conversation ROLE]             one for each, in their order
 *   steps=STEP; STEP …
 *   order=strict|any                of the steps; strict unless said
 *   messages=GLOB; GLOB …           any unless said
 *   optional=true                   when its absence is no deviation
 *
 *   [look]
 *   STEP=TEXT                       what shows a step that this capture cannot; looks.conf has those of all flows
 */
#ifndef FLOW_EXPECTED_H
#define FLOW_EXPECTED_H

#include "keyfile.h"
#include "knowledge.h"

/* NAME.flow; NULL when it has a mistake. */
flow_expected *flow_expected_read(keyfile *file, const char *name);
void           flow_expected_free(gpointer expected);

/* looks.conf: [look]; into `looks`, FLOW_STEPS of them. */
void flow_looks_read(keyfile *file, const char **looks);

/* recognition.conf: [STEP], [servers], [tries]; what a file does not mention stays. */
void flow_recognition_read(keyfile *file, flow_recognition *recognition);
void flow_recognition_clear(flow_recognition *recognition);

#endif
