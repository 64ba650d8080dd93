// What the API returns, as openapi.yaml describes it.

/** A project or an environment, by its present name. */
export interface Place {
  slug: string;
  name: string;
}

/** An entry of the log. The last four members are there only with `include=client`. */
export interface Activity {
  id: number;
  userId: number;
  projectId: number | null;
  environmentId: number | null;
  user: { id: number; name: string; profileImage: string | null } | null;
  project: Place | null;
  environment: Place | null;
  resourceType: string | null;
  resourceId: number | null;
  action: string;
  description: string | null;
  metadata: Record<string, unknown> | null;
  createdAt: string;
  ipAddress?: string | null;
  userAgent?: string | null;
  occurredAt?: string | null;
  altered?: Record<string, string | null> | null;
}

export interface FacetValue {
  value: string | null;
  count: number;
}

/** How many entries have each value of a filter, the most frequent first. */
export interface Facets {
  resourceType: FacetValue[];
  action: FacetValue[];
}

/** How many entries are in each part of the time from `from` to `to`. */
export interface Histogram {
  from: string | null;
  to: string | null;
  counts: number[];
}

/** A page of a list. */
export interface Page {
  data: Activity[];
  pagination: {
    total: number;
    limit: number;
    offset: number;
    hasMore: boolean;
    nextCursor?: string;
  };
  facets?: Facets;
  histogram?: Histogram;
}
