// Macros that other libraries' headers leave behind, as a program may have included those before eigengrad. What each
// stands for is made so that a use of the name does not compile, where the real macro might change it without a word.
#pragma once

#define TAKEN (/* a macro's name is used */ !

// Qt, without QT_NO_KEYWORDS.
#define slots TAKEN
#define signals TAKEN
#define emit TAKEN
#define foreach TAKEN
#define forever TAKEN
#define SIGNAL TAKEN
#define SLOT TAKEN
#define Q_OBJECT TAKEN
#define Q_EMIT TAKEN
#define Q_FOREACH TAKEN
#define Q_UNUSED TAKEN

// Windows: minwindef.h, rpcndr.h, wingdi.h, winuser.h, winerror.h, winnt.h and their like.
#define min(...) TAKEN
#define max(...) TAKEN
#define near TAKEN
#define far TAKEN
#define small TAKEN
#define hyper TAKEN
#define cdecl TAKEN
#define pascal TAKEN
#define PASCAL TAKEN
#define interface TAKEN
#define IN TAKEN
#define OUT TAKEN
#define OPTIONAL TAKEN
#define ERROR TAKEN
#define NO_ERROR TAKEN
#define CONST TAKEN
#define VOID TAKEN
#define TRUE TAKEN
#define FALSE TAKEN
#define DELETE TAKEN
#define STRICT TAKEN
#define ABSOLUTE TAKEN
#define RELATIVE TAKEN
#define DIFFERENCE TAKEN
#define THIS TAKEN
#define THIS_ TAKEN
#define PURE TAKEN
#define TEXT TAKEN
#define _T TAKEN
#define INFINITE TAKEN
#define TRANSPARENT TAKEN
#define OPAQUE TAKEN
#define INPUT TAKEN
#define OVERFLOW TAKEN
#define UNDERFLOW TAKEN
#define DOMAIN TAKEN
#define SING TAKEN
#define PLOSS TAKEN
#define TLOSS TAKEN
#define ERROR_SUCCESS TAKEN
#define rad1 TAKEN
#define rad2 TAKEN
#define grp1 TAKEN
#define lst1 TAKEN
#define chx1 TAKEN
#define edt1 TAKEN
#define exception_code TAKEN
#define exception_info TAKEN
#define abnormal_termination TAKEN
#define Yield TAKEN
#define GetObject TAKEN
#define GetMessage TAKEN
#define SendMessage TAKEN
#define DrawText TAKEN
#define LoadImage TAKEN
#define LoadString TAKEN
#define CreateFile TAKEN
#define CreateWindow TAKEN
#define CopyFile TAKEN
#define MoveFile TAKEN
#define DeleteFile TAKEN
#define GetCurrentTime TAKEN
#define GetClassName TAKEN
#define GetFreeSpace TAKEN
#define ReplaceText TAKEN
#define PlaySound TAKEN
#define RegisterClass TAKEN
#define UpdateResource TAKEN
#define Rectangle TAKEN
#define Polygon TAKEN
#define StartDoc TAKEN
#define ReportEvent TAKEN

// X11: X.h, Xlib.h.
#define None TAKEN
#define Bool TAKEN
#define Status TAKEN
#define True TAKEN
#define False TAKEN
#define Always TAKEN
#define Success TAKEN
#define Complex TAKEN
#define Nonconvex TAKEN
#define Convex TAKEN
#define Above TAKEN
#define Below TAKEN
#define Unsorted TAKEN
#define CursorShape TAKEN
#define KeyPress TAKEN
#define FocusIn TAKEN
#define FocusOut TAKEN
#define Expose TAKEN
#define DestroyAll TAKEN
#define ControlMask TAKEN
#define ButtonPress TAKEN
#define GrayScale TAKEN
#define Opposite TAKEN
#define LineSolid TAKEN

// glibc and BSD: sys/sysmacros.h, sys/param.h, termios.h, complex.h.
#define major TAKEN
#define minor TAKEN
#define makedev TAKEN
#define linux TAKEN
#define unix TAKEN
#define BSD TAKEN
#define MIN TAKEN
#define MAX TAKEN
#define howmany TAKEN
#define roundup TAKEN
#define isset TAKEN
#define setbit TAKEN
#define I TAKEN
#define complex TAKEN
#define imaginary TAKEN
#define B0 TAKEN
#define ECHO TAKEN

// macOS: AssertMacros.h, MacTypes.h, curses.
#define check(...) TAKEN
#define verify(...) TAKEN
#define require(...) TAKEN
#define require_action(...) TAKEN
#define require_noerr(...) TAKEN
#define verify_noerr(...) TAKEN
#define check_noerr(...) TAKEN
#define nil TAKEN
#define YES TAKEN
#define NO TAKEN

// glog, Abseil, Catch2, Unreal, Arduino, Python and others.
#define CHECK(...) TAKEN
#define CHECK_EQ(...) TAKEN
#define REQUIRE(...) TAKEN
#define LOG(...) TAKEN
#define VLOG(...) TAKEN
#define DCHECK(...) TAKEN
#define INFO TAKEN
#define WARNING TAKEN
#define FATAL TAKEN
#define DEBUG TAKEN
#define ensure(...) TAKEN
#define PI TAKEN
#define TWO_PI TAKEN
#define HIGH TAKEN
#define LOW TAKEN
#define bit(...) TAKEN
#define sq(...) TAKEN
#define constrain(...) TAKEN
#define radians(...) TAKEN
#define degrees(...) TAKEN
#define TEST TAKEN
#define ASSERT(...) TAKEN
#define UNUSED TAKEN
#define likely(...) TAKEN
#define unlikely(...) TAKEN
#define nameof(...) TAKEN
