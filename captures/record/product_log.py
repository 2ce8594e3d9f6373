# SPDX-License-Identifier: GPL-2.0-or-later
"""The logs that the products themselves write, in their forms: NDESPlugin.log and CRP.log (CMTrace), and the service
trace (.svclog) of Intune's connector.

All that one call writes is on one thread. When the call is over, the file PATH.joins gets a line of JSON for each of
its records: where the record is, and what is true of the call.
"""
import collections
import contextlib
import json
import threading
import time
import xml.sax.saxutils

INFORMATION, ERROR = 1, 3  # types of CMTrace

TRACE = ('<E2ETraceEvent xmlns="http://schemas.microsoft.com/2004/06/E2ETraceEvent">'
         '<System xmlns="http://schemas.microsoft.com/2004/06/windows/eventlog/system">'
         '<EventID>0</EventID><Type>3</Type><SubType Name="{name}">0</SubType><Level>{level}</Level>'
         '<TimeCreated SystemTime="{time}" /><Source Name="CertificateRegistrationPoint" />'
         '<Correlation ActivityID="{{00000000-0000-0000-0000-000000000000}}" />'
         '<Execution ProcessName="w3wp" ProcessID="4312" ThreadID="{thread}" /><Channel/><Computer>NDES01</Computer>'
         '</System><ApplicationData>{text}</ApplicationData></E2ETraceEvent>')
TRACE_LEVELS = {INFORMATION: ("Information", 8), ERROR: ("Error", 2)}


def cmtrace(text, clock, date, component, level, thread, source):
    return (f'<![LOG[{text}]LOG]!><time="{clock}" date="{date}" component="{component}" context="" type="{level}" '
            f'thread="{thread}" file="{source}">\r\n')


def as_plugin(text, now, level, thread, source):
    """Local time in milliseconds, and what to add to it for UTC, in minutes."""
    local = time.localtime(now // 10**9)
    bias = -local.tm_gmtoff // 60
    clock = f"{time.strftime('%H:%M:%S', local)}.{now % 10**9 // 10**6:03}{f'{bias:+04}' if bias else '+00'}"
    return cmtrace(text, clock, time.strftime("%m-%d-%Y", local), "NDESPlugin", level, thread, source)


def as_crp(text, now, level, thread, source):
    """Local time in units of 100 ns, without a bias."""
    local = time.localtime(now // 10**9)
    clock = f"{time.strftime('%H:%M:%S', local)}.{now % 10**9 // 100:07}"
    date = f"{local.tm_mon}-{local.tm_mday}-{local.tm_year}"
    return cmtrace(text, clock, date, "CertificateRegistrationPoint", level, thread, source)


def as_trace(text, now, level, thread, _source):
    """Nothing between two events, and none around them."""
    name, number = TRACE_LEVELS[level]
    clock = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now // 10**9))}.{now % 10**9 // 100:07}Z"
    return TRACE.format(name=name, level=number, time=clock, thread=thread, text=xml.sax.saxutils.escape(text))


FORMS = {"plugin": as_plugin, "crp": as_crp, "svclog": as_trace}
# The threads that serve calls: one after the other, and again from the first on.
THREADS = {"plugin": range(2900, 2900 + 16 * 188, 188), "crp": range(238, 222, -1), "svclog": range(12, 28)}


def append(path, text):
    with open(path, "a", newline="") as file:
        file.write(text)


class ProductLog:
    """Without a path nothing is written. `form` is one of FORMS."""

    def __init__(self, path, form):
        self.path, self.form = path, FORMS[form]
        self.threads = collections.deque(THREADS[form])
        self.line, self.record = 1, 0
        self.lock = threading.Lock()

    @contextlib.contextmanager
    def call(self, **facts):
        """What is written of one call; `facts` are true of it, and may be added to until it is over."""
        with self.lock:
            thread = self.threads.popleft()
        call = Call(self, thread, facts)
        try:
            yield call
        finally:
            with self.lock:
                self.threads.append(thread)
                call.join()


class Call:
    def __init__(self, log, thread, facts):
        self.log, self.thread, self.facts, self.places = log, thread, facts, []

    def write(self, text, source="", level=INFORMATION):
        log, text = self.log, text.replace("\r\n", "\n").replace("\n", "\r\n")
        if not log.path:
            return
        # The time inside the lock: the file is in the order of time.
        with log.lock:
            record = log.form(text, time.time_ns(), level, self.thread, source)
            append(log.path, record)
            log.record += 1
            self.places.append({"line": log.line, "record": log.record})
            log.line += record.count("\n")

    def join(self):
        for place in self.places:
            append(self.log.path + ".joins", json.dumps(place | self.facts) + "\n")
