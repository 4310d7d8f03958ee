# A project that asks for 0.1 accepts any 0.1.x that is not older, because before 1.0 the second
# number changes with each incompatible change.
set(PACKAGE_VERSION "0.1.0")

if(NOT DEFINED PACKAGE_FIND_VERSION)
  # Another command than find_package() reads this file.
  set(PACKAGE_FIND_VERSION "")
endif()
string(REGEX MATCH "^[0-9]+\\.[0-9]+" _kbuild_series "${PACKAGE_VERSION}")
string(REGEX MATCH "^[0-9]+(\\.[0-9]+)?" _kbuild_wanted "${PACKAGE_FIND_VERSION}")
if(PACKAGE_FIND_VERSION_RANGE)
  if(PACKAGE_VERSION VERSION_GREATER_EQUAL PACKAGE_FIND_VERSION_MIN
      AND ((PACKAGE_FIND_VERSION_RANGE_MAX STREQUAL "INCLUDE"
            AND PACKAGE_VERSION VERSION_LESS_EQUAL PACKAGE_FIND_VERSION_MAX)
          OR PACKAGE_VERSION VERSION_LESS PACKAGE_FIND_VERSION_MAX))
    set(PACKAGE_VERSION_COMPATIBLE TRUE)
  endif()
elseif(PACKAGE_FIND_VERSION STREQUAL "")
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
elseif(PACKAGE_VERSION VERSION_GREATER_EQUAL PACKAGE_FIND_VERSION
    AND _kbuild_series VERSION_EQUAL _kbuild_wanted)
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
if(PACKAGE_VERSION VERSION_EQUAL PACKAGE_FIND_VERSION)
  set(PACKAGE_VERSION_EXACT TRUE)
endif()
unset(_kbuild_series)
unset(_kbuild_wanted)
