/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The enrolments as a ladder: Statistics > Flow Graph > "SCEP Flows", tshark -z flow,scep,standard.
 */
#ifndef VIEW_LADDER_H
#define VIEW_LADDER_H

void ladder_register(int proto_scepflow);

#endif
