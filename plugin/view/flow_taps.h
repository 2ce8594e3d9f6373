/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The reports as tshark's options: -z scep,flow and -z scep,json.
 */
#ifndef VIEW_FLOW_TAPS_H
#define VIEW_FLOW_TAPS_H

void flow_taps_register(int proto_scepflow);

#endif
