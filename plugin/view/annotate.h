/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The tree "SCEP flow" on every packet of an enrolment, and the tap that the reports listen to.
 */
#ifndef VIEW_ANNOTATE_H
#define VIEW_ANNOTATE_H

/* Registers protocol "scepflow" with its fields, preferences, post-dissector and tap, which queues a
 * `const flow_conversation *` for each frame of TCP. */
void annotate_register(void);

/* To be called at handoff. */
void annotate_handoff(void);

#endif
