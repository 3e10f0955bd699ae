{{- define "gallery-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "gallery-operator.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "gallery-operator.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "gallery-operator.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "gallery-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "gallery-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "gallery-operator.labels" -}}
{{ include "gallery-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: operator
app.kubernetes.io/part-of: gallery-operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "gallery-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "gallery-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name: name the account to use, since serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "gallery-operator.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* What the operator does where its objects are. */}}
{{- define "gallery-operator.rules" -}}
- apiGroups: [gallery-operator.io]
  resources: [galleries, imagedefinitions, imageversions]
  verbs: [get, list, watch, patch] # patch: finalizers, and annotations of its own
- apiGroups: [gallery-operator.io]
  resources: [imageversions]
  verbs: [delete] # lifecycle.removeRetiredAfter
- apiGroups: [gallery-operator.io]
  resources: [galleries/status, imagedefinitions/status, imageversions/status]
  verbs: [patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- if .Values.credentials.perNamespace }}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, patch] # list: only metadata, of those with a label of ours; patch: a finalizer and that label
{{- end }}
{{- end }}

{{/* Each setting as the variable that the operator reads; empty ones are left to its defaults. */}}
{{- define "gallery-operator.env" -}}
- name: GALLERY_OPERATOR_PORT
  value: {{ .Values.service.port | toString | quote }}
{{- with .Values.namespaces }}
- name: GALLERY_OPERATOR_NAMESPACES
  value: {{ join "," . | quote }}
{{- end }}
{{- range $name, $value := .Values.settings }}
{{- if $value }}
- name: GALLERY_OPERATOR_{{ $name | snakecase | upper }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end }}
{{- if not .Values.credentials.perNamespace }}
- name: GALLERY_OPERATOR_NAMESPACE_CREDENTIALS
  value: "false"
{{- end }}
{{- if .Values.tenancy.enabled }}
- name: GALLERY_OPERATOR_TENANCY_FILE
  value: /etc/gallery-operator/tenancy.yaml
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}
